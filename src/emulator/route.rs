//! Which call of the API a request is. Paths are taken with and without a version, in any case.

use percent_encoding::percent_decode_str;

use super::message::{Operation, Request};

/// A call of the API; ids are as sent, percent-decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// The token end point of a tenant.
    Token(String),
    /// Where a tenant gives the codes that users enter.
    DeviceCode(String),
    /// Scan this device.
    Scan(String),
    /// List actions.
    Actions,
    /// One action.
    Action(String),
    /// Cancel an action.
    Cancel(String),
    /// List machines.
    Machines,
    /// One machine.
    Machine(String),
    /// Nothing that the API has.
    Unknown,
}

impl Route {
    /// The route of a request.
    pub(super) fn of(request: &Request) -> Route {
        // What is no escape stays as it is.
        let segments = request.path.trim_start_matches('/').split('/');
        let decoded: Vec<_> =
            segments.map(|part| percent_decode_str(part).decode_utf8_lossy()).collect();
        let mut parts: Vec<&str> = decoded.iter().map(|part| &**part).collect();
        if let [tenant, "oauth2", "v2.0", what @ ("token" | "devicecode")] = parts[..] {
            return match what {
                _ if request.method != "POST" || tenant.is_empty() => Route::Unknown,
                "token" => Route::Token(tenant.to_owned()),
                _ => Route::DeviceCode(tenant.to_owned()),
            };
        }
        if parts.len() > 1 && parts[1].eq_ignore_ascii_case("v1.0") {
            parts.remove(1);
        }
        // A trailing slash changes nothing, but an empty id is no id.
        if parts.len() == 3 && parts[2].is_empty() {
            parts.pop();
        }
        let is = |index: usize, word: &str| {
            parts.get(index).is_some_and(|part| part.eq_ignore_ascii_case(word))
        };
        let id = || parts.get(2).filter(|id| !id.is_empty()).map(|id| (*id).to_owned());
        let (machines, actions) = (is(1, "machines"), is(1, "machineactions"));
        if !is(0, "api") || !(machines || actions) {
            return Route::Unknown;
        }
        let route = match (request.method.as_str(), parts.len()) {
            ("GET", 2) if machines => Some(Route::Machines),
            ("GET", 2) => Some(Route::Actions),
            ("GET", 3) if machines => id().map(Route::Machine),
            ("GET", 3) => id().map(Route::Action),
            ("POST", 4) if machines && is(3, "runAntiVirusScan") => id().map(Route::Scan),
            ("POST", 4) if actions && is(3, "cancel") => id().map(Route::Cancel),
            _ => None,
        };
        route.unwrap_or(Route::Unknown)
    }

    /// What the call asks for, as limits see it.
    pub(super) fn operation(&self) -> Operation {
        match self {
            Route::Token(_) | Route::DeviceCode(_) => Operation::Token,
            Route::Scan(_) => Operation::Scan,
            Route::Cancel(_) => Operation::Cancel,
            Route::Actions | Route::Action(_) | Route::Machines | Route::Machine(_) => {
                Operation::Read
            }
            Route::Unknown => Operation::Unknown,
        }
    }

    /// The device that the path names.
    pub(super) fn device(&self) -> Option<&str> {
        match self {
            Route::Scan(id) | Route::Machine(id) => Some(id),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_their_calls() {
        let get = |path: &str| Route::of(&Request::get(path));
        let post = |path: &str| Route::of(&Request::post(path, ""));
        assert_eq!(post("/api/machines/a/runAntiVirusScan"), Route::Scan("a".into()));
        assert_eq!(post("/api/v1.0/machines/a/runantivirusscan"), Route::Scan("a".into()));
        assert_eq!(post("/api/machines//runAntiVirusScan"), Route::Unknown);
        assert_eq!(get("/api/machines/a/runAntiVirusScan"), Route::Unknown);
        assert_eq!(get("/api/machineactions?$top=1"), Route::Actions);
        assert_eq!(get("/api/machineactions/b"), Route::Action("b".into()));
        assert_eq!(post("/api/machineactions/b/cancel"), Route::Cancel("b".into()));
        assert_eq!(get("/api/v1.0/machines/"), Route::Machines);
        assert_eq!(get("/api/machines/a%20b%zz"), Route::Machine("a b%zz".into()));
        assert_eq!(post("/t/oauth2/v2.0/token"), Route::Token("t".into()));
        assert_eq!(post("/t/oauth2/v2.0/devicecode"), Route::DeviceCode("t".into()));
        assert_eq!(get("/t/oauth2/v2.0/token"), Route::Unknown);
        assert_eq!(get("/"), Route::Unknown);
    }
}
