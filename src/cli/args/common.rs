//! What commands have in common, so that it need not be asked of each.

use super::*;

/// What was typed that commands have in common.
#[derive(Default)]
pub(crate) struct Common<'a> {
    /// The store that was named.
    pub store: Option<&'a String>,
    /// Programs read its standard output.
    pub json: bool,
    /// What it shows is what was asked for.
    pub answers: bool,
    /// It gives orders, or waits for what was ordered.
    pub is_a_run: bool,
    /// It tells local times.
    pub shows_times: bool,
    /// Where the API is and who calls it.
    pub connect: Option<&'a ConnectArgs>,
    /// How a campaign is run.
    pub run: Option<&'a RunArgs>,
}

impl Command {
    /// What was typed of that.
    pub(crate) fn common(&self) -> Common<'_> {
        match self {
            Command::Scan(args) => Common::of_run(&args.one.run).of_dry_run(args.one.dry_run),
            Command::Resume(args) => Common::of_run(&args.one.run),
            Command::Retry(args) => Common::of_run(&args.one.run).of_dry_run(args.one.dry_run),
            Command::Cancel(args) => Common {
                is_a_run: true,
                connect: Some(&args.one.connect),
                ..Common::of_output(&args.one.output)
            },
            Command::Follow(args) => Common {
                is_a_run: true,
                answers: true,
                connect: Some(&args.connect),
                ..Common::of_output(&args.output)
            },
            Command::Work(args) => {
                Common { is_a_run: true, json: args.json, ..Common::of_store(args.store.as_ref()) }
            }
            Command::Status(args) => {
                Common { json: args.json, answers: true, ..Common::of_store(args.store.as_ref()) }
            }
            Command::Serve(args) => {
                Common { json: args.json, answers: true, ..Common::of_store(args.store.as_ref()) }
            }
            Command::Report(args) => Common { answers: true, ..Common::of_output(&args.output) },
            Command::Pause(args) => Common::of_store(args.store.as_ref()),
            Command::Prune(args) => Common {
                json: args.json,
                answers: true,
                shows_times: false,
                ..Common::of_store(args.store.as_ref())
            },
            // The standard output of `devices` is the list, whatever the format.
            Command::Devices(args) => {
                Common { connect: Some(&args.connect), ..Common::of_store(args.store.as_ref()) }
            }
            Command::Doctor(args) => Common {
                json: args.json,
                answers: true,
                connect: Some(&args.connect),
                ..Common::of_store(args.store.as_ref())
            },
            Command::ConsentUrl(args) => Common {
                json: args.json,
                answers: true,
                connect: Some(&args.connect),
                ..Common::default()
            },
            Command::Schedule(_) => Common { shows_times: true, ..Common::default() },
            Command::Emulate(_)
            | Command::Init(_)
            | Command::Help(_)
            | Command::Completions(_)
            | Command::Man(_) => Common::default(),
        }
    }
}

impl<'a> Common<'a> {
    fn of_store(store: Option<&'a String>) -> Self {
        Self { store, shows_times: true, ..Self::default() }
    }

    fn of_output(output: &'a OutputArgs) -> Self {
        Self { json: output.json, ..Self::of_store(output.store.as_ref()) }
    }

    /// The plan of a dry run is what was asked for.
    fn of_dry_run(self, is_dry_run: bool) -> Self {
        Self { answers: is_dry_run && !self.json, ..self }
    }

    fn of_run(run: &'a RunArgs) -> Self {
        let (is_a_run, connect) = (true, Some(&run.connect));
        Self { is_a_run, connect, run: Some(run), ..Self::of_output(&run.output) }
    }
}
