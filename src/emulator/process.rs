//! What each call of the API does, once it is neither lost nor refused: scans, cancellations, and
//! the lists and single views of actions and machines.

use serde_json::Value;

use super::actions::{Action, Cancellation, Order, SCAN};
use super::clock::Moment;
use super::dice;
use super::listing::{self, Options};
use super::machines::{Class, Profile, is_machine_id};
use super::odata::{Field, Kind, Row};
use super::play::Play;
use super::reply::Reply;
use super::route::Route;
use super::scenario::BusyForm;
use super::token::Grant;
use super::world::{Call, World};

/// An action at a moment, as a row of a list.
struct Seen<'a> {
    action: &'a Action,
    now_us: i64,
}

impl Row for Seen<'_> {
    const ENTITY: &'static str = "microsoft.windowsDefenderATP.api.MachineAction";
    const FIELDS: &'static [(&'static str, Kind)] = &[
        ("id", Kind::Text),
        ("type", Kind::Text),
        ("status", Kind::Text),
        ("machineId", Kind::Text),
        ("requestor", Kind::Text),
        ("creationDateTimeUtc", Kind::Time),
        ("lastUpdateDateTimeUtc", Kind::Time),
    ];

    fn field(&self, name: &str) -> Field<'_> {
        match name {
            "id" => Field::text(&self.action.id),
            "type" => Field::text(SCAN),
            "status" => Field::text(self.action.status(self.now_us).word()),
            "machineId" => Field::text(&self.action.device),
            "requestor" => Field::text(&self.action.requestor),
            "creationDateTimeUtc" => Field::Time(self.action.created),
            "lastUpdateDateTimeUtc" => Field::Time(self.action.updated(self.now_us)),
            _ => Field::Null,
        }
    }
}

impl World {
    pub(super) fn process(
        &mut self,
        call: &Call<'_>,
        route: &Route,
        grant: &Grant,
    ) -> Result<Reply, Reply> {
        match route {
            Route::Scan(id) => self.scan(call, id, grant),
            Route::Cancel(id) => Ok(self.cancel(call, id, grant)),
            Route::Actions => self.list_actions(call),
            Route::Action(id) => Ok(self.view_action(call, id)),
            Route::Machines => self.list_machines(call),
            Route::Machine(id) => Ok(self.view_machine(call, id)),
            Route::Token(_) | Route::DeviceCode(_) | Route::Unknown => {
                Err(Reply::gateway_not_found())
            }
        }
    }

    fn scan(&mut self, call: &Call<'_>, id: &str, grant: &Grant) -> Result<Reply, Reply> {
        let (comment, scope) = scan_body(&call.request.body)
            .map_err(|(code, message)| Reply::error(400, code, &message, call.draw))?;
        if !is_machine_id(id) {
            return Err(Reply::machine_not_found(id, call.draw));
        }
        let device = id.to_ascii_lowercase();
        self.refuse_by_class(call, id, &device)?;
        if *call.play == Play::OtherDevice {
            let other = dice::machine_id(call.draw, 0);
            let order =
                Order { device: &other, requestor: &grant.app, comment: None, scope: &scope };
            let action = order.placed(&self.config, call.now, call.draw);
            return Ok(self.view(&action, 201, call.now));
        }
        let busy = [Play::Existing, Play::Busy, Play::BusyMessage, Play::BusyCode];
        let open = self.actions.open_on(&device, call.now.micros());
        if busy.contains(call.play) && open.is_none() {
            self.add_stranger(call.now, &device, true, call.draw ^ 0x57a);
        }
        if let Some(open) = self.actions.open_on(&device, call.now.micros()) {
            return Ok(self.busy(call, open));
        }
        let comment = self.config.scenario.comment.apply(&comment);
        let order = Order { device: &device, requestor: &grant.app, comment, scope: &scope };
        let action = order.placed(&self.config, call.now, call.draw);
        self.actions.add(action.clone());
        let share = self.config.scenario.devices.null_machine_share;
        let bare =
            *call.play == Play::NullMachine || dice::unit(dice::mix(call.draw ^ 0x9011)) < share;
        let mut body = action.body(call.now.micros(), Some(self.context("MachineActions/$entity")));
        for (name, value) in &mut body.0 {
            if bare && matches!(*name, "machineId" | "computerDnsName") {
                *value = Value::Null;
            }
        }
        let reply = Reply::json(201, &body);
        Ok(Reply { action_id: Some(action.id.clone()), created: true, ..reply })
    }

    /// Refuses a device that takes no scan, whether by its class or by what is played.
    fn refuse_by_class(&mut self, call: &Call<'_>, id: &str, device: &str) -> Result<(), Reply> {
        let class = match call.play {
            Play::Unsupported => Class::Unsupported,
            Play::ClientVersion => Class::ClientVersion,
            Play::NotFound => Class::NotFound,
            _ => self.class_of(device),
        };
        let error =
            |status, code, message: &str| Err(Reply::error(status, code, message, call.draw));
        match class {
            Class::NotFound => Err(Reply::machine_not_found(id, call.draw)),
            Class::TransientNotFound if self.found.insert(device.to_owned()) => {
                Err(Reply::machine_not_found(id, call.draw))
            }
            Class::Unsupported => error(
                400,
                "OsPlatformNotSupported",
                "OS Platform iOS isn't supported for this action",
            ),
            Class::ClientVersion => error(
                400,
                "ClientVersionNotSupported",
                "RunAntiVirusScan is supported on client version 101.98.84 and above",
            ),
            Class::Forbidden => {
                error(403, "Forbidden", "The application has no access to this machine")
            }
            Class::Busy { quick } => {
                self.stranger(call.now, device, quick);
                Ok(())
            }
            Class::Normal | Class::TransientNotFound => Ok(()),
        }
    }

    /// Puts a stranger's scan, ordered before the start, onto a device that had no action yet.
    fn stranger(&mut self, now: Moment, device: &str, quick: bool) {
        if !self.actions.touched(device) {
            let draw = dice::hash(self.config.seed, &["stranger", device]);
            self.add_stranger(now, device, quick, draw);
        }
    }

    fn add_stranger(&mut self, now: Moment, device: &str, quick: bool, draw: u64) {
        let devices = &self.config.scenario.devices;
        let age_us = (devices.busy_age_s * dice::unit(draw) * 1e6) as i64;
        let order = Order {
            device,
            requestor: "analyst@emulator.example",
            comment: Some("Checked by the night shift".into()),
            scope: if quick { "Quick" } else { "Full" },
        };
        let ends_us = (devices.busy_for_s / self.config.speed * 1e6) as i64;
        let action = order.placed(&self.config, now, draw);
        self.actions.add(Action {
            created: now.utc_ticks() - (now.micros() + age_us) * 10,
            created_us: -age_us,
            begins_us: -age_us / 2,
            ends_us,
            visible_us: -age_us,
            ..action
        });
    }

    /// The answer to a scan call on a device with an open action.
    fn busy(&self, call: &Call<'_>, open: &Action) -> Reply {
        let forms = [
            BusyForm::BadRequest,
            BusyForm::MessageOnly,
            BusyForm::CodeOnly,
            BusyForm::Created,
            BusyForm::Ok,
        ];
        let form = match (call.play, self.config.scenario.devices.busy_form) {
            (Play::Busy, _) => BusyForm::BadRequest,
            (Play::BusyMessage, _) => BusyForm::MessageOnly,
            (Play::BusyCode, _) => BusyForm::CodeOnly,
            (Play::Existing, _) => BusyForm::Ok,
            (_, BusyForm::Mixed) => forms[(dice::mix(call.draw ^ 0xb057) % 5) as usize],
            (_, form) => form,
        };
        let (code, message) = ("ActiveRequestAlreadyExists", "Action is already in progress");
        let general = "The request cannot be completed";
        let reply = match form {
            BusyForm::BadRequest | BusyForm::Mixed => Reply::error(400, code, message, call.draw),
            BusyForm::MessageOnly => Reply::error(400, "BadRequest", message, call.draw),
            BusyForm::CodeOnly => Reply::error(400, code, general, call.draw),
            BusyForm::Created => self.view(open, 201, call.now),
            BusyForm::Ok => self.view(open, 200, call.now),
        };
        Reply { action_id: Some(open.id.clone()), ..reply }
    }

    fn cancel(&mut self, call: &Call<'_>, id: &str, grant: &Grant) -> Reply {
        let now_us = call.now.micros();
        let comment = serde_json::from_slice::<Value>(&call.request.body)
            .ok()
            .and_then(|body| Some(body.get("Comment")?.as_str()?.to_owned()));
        let Some(action) = self.actions.get_mut(id) else {
            return action_not_found(id, call.draw);
        };
        let status = action.status(now_us);
        if !status.open() {
            let message =
                format!("The action cannot be cancelled, its status is {}", status.word());
            return Reply::error(400, "BadRequest", &message, call.draw);
        }
        let unlucky = dice::unit(dice::hash(self.config.seed, &["uncancelled", id]));
        if unlucky < self.config.scenario.actions.cancel_refused_share {
            let message = "The action cannot be cancelled now";
            return Reply::error(400, "BadRequest", message, call.draw);
        }
        let requestor = grant.app.clone();
        action.cancelled = Some(Cancellation { at_us: now_us, requestor, comment });
        match self.actions.get(id) {
            Some(action) => Reply { cancelled: true, ..self.view(action, 200, call.now) },
            None => action_not_found(id, call.draw),
        }
    }

    fn list_actions(&mut self, call: &Call<'_>) -> Result<Reply, Reply> {
        self.ready_fleet(call.now);
        let options = options::<Seen<'_>>(call)?;
        let now_us = call.now.micros();
        let visible = self.actions.iter().filter(|action| action.visible_us <= now_us);
        let rows = visible.map(|action| Seen { action, now_us });
        let page = listing::page(rows, &options, self.config.scenario.list.page_size);
        let link = format!("{}{}", self.base, call.request.path);
        let show = |row: &Seen<'_>| row.action.body(now_us, None);
        Ok(listing::reply(&page, &self.base, "MachineActions", &link, show))
    }

    fn view_action(&mut self, call: &Call<'_>, id: &str) -> Reply {
        self.ready_fleet(call.now);
        match self.actions.get(id) {
            Some(action) if action.visible_us <= call.now.micros() => {
                let reply = self.view(action, 200, call.now);
                Reply { action_id: Some(id.to_owned()), ..reply }
            }
            _ => action_not_found(id, call.draw),
        }
    }

    fn list_machines(&self, call: &Call<'_>) -> Result<Reply, Reply> {
        let options = options::<Profile>(call)?;
        let rows = |from: usize| self.fleet().skip(from).map(|id| self.machine(&id, call.now));
        let page_size = self.config.scenario.list.page_size;
        let all = usize::try_from(self.config.scenario.devices.fleet_size).unwrap_or(usize::MAX);
        // A whole fleet is not made for each of its pages.
        let page = if options.takes_all() {
            listing::page_of(all, rows, &options, page_size)
        } else {
            listing::page(rows(0), &options, page_size)
        };
        let link = format!("{}{}", self.base, call.request.path);
        let show = |machine: &Profile| machine.show(None);
        Ok(listing::reply(&page, &self.base, "Machines", &link, show))
    }

    fn view_machine(&self, call: &Call<'_>, id: &str) -> Reply {
        let is_called_so =
            |known: &String| self.machine(known, call.now).name().eq_ignore_ascii_case(id);
        let device = if is_machine_id(id) {
            Some(id.to_ascii_lowercase())
        } else {
            self.fleet().find(is_called_so)
        };
        match device {
            Some(device) if self.class_of(&device) != Class::NotFound => {
                let machine = self.machine(&device, call.now);
                Reply::json(200, &machine.show(Some(self.context("Machines/$entity"))))
            }
            _ => Reply::machine_not_found(id, call.draw),
        }
    }

    fn machine(&self, id: &str, now: Moment) -> Profile {
        let scenario = &self.config.scenario;
        let (devices, rules) = (&scenario.devices, &scenario.machines);
        Profile::new(self.config.seed, id, devices, rules, now.utc_ticks())
    }

    /// Puts the strangers' scans of the listed machines into the register, once.
    fn ready_fleet(&mut self, now: Moment) {
        if std::mem::replace(&mut self.fleet_is_ready, true) {
            return;
        }
        for id in self.fleet() {
            if let Class::Busy { quick } = self.class_of(&id) {
                self.stranger(now, &id, quick);
            }
        }
    }

    fn view(&self, action: &Action, status: u16, now: Moment) -> Reply {
        let context = self.context("MachineActions/$entity");
        Reply::json(status, &action.body(now.micros(), Some(context)))
    }

    fn context(&self, what: &str) -> String {
        format!("{}/api/$metadata#{what}", self.base)
    }
}

/// The query of a list call.
fn options<R: Row>(call: &Call<'_>) -> Result<Options, Reply> {
    Options::parse::<R>(&call.request.query)
        .map_err(|message| Reply::error(400, "ODataError", &message, call.draw))
}

fn action_not_found(id: &str, draw: u64) -> Reply {
    Reply::error(404, "ResourceNotFound", &format!("Machine action {id} was not found"), draw)
}

/// Comment and scan type of a scan call; the names are case-sensitive, as at the API (page "Common
/// REST API error codes").
fn scan_body(body: &[u8]) -> Result<(String, String), (&'static str, String)> {
    let Ok(Value::Object(fields)) = serde_json::from_slice::<Value>(body) else {
        return Err(("InvalidRequestBody", "Request body is incorrect".into()));
    };
    let field = |name: &str| match fields.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(Value::Null | Value::String(_)) | None => {
            Err(("MissingRequiredParameter", format!("Required parameter {name} is missing")))
        }
        Some(_) => Err(("InvalidRequestBody", format!("Parameter {name} must be a string"))),
    };
    let (comment, scan_type) = (field("Comment")?, field("ScanType")?);
    match scan_type.as_str() {
        "Quick" | "Full" => Ok((comment, scan_type)),
        other => Err(("InvalidInput", format!("Scan type '{other}' is not Quick or Full"))),
    }
}
