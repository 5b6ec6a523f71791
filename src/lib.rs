//! fleetsweep starts Microsoft Defender antivirus scans on a whole fleet of devices: as fast as the
//! limits of the Defender for Endpoint API allow and never faster, with an outcome for every
//! device. This page is the map and the invariants; it is not the manual, which is README.md.
//!
//! # Map
//!
//! ```text
//!   cli   what was typed becomes a request; what is done is shown on the terminal
//!    |--> page (what a store holds, in a browser)
//!   ops   one operation for each thing that can be asked: scan, resume, cancel, follow, ...
//!    |--> intake (lists in), report (plan, progress, summary, files out)
//!    v
//!   engine  one loop that makes calls --> store   (slot in the journal, answer, row)
//!    |      (a pass of the gate first)       `-----> SQLite or PostgreSQL, or memory
//!    `----> defender: the client of the API  --HTTP-->  the API, or emulator
//!   domain  the rules and values of all of them, pure
//! ```
//!
//! - [`domain`] is pure: the rule of the limit (`window`, `budget`), the life of a device
//!   (`lifecycle`), replies to verdicts (`verdict`), what an answer writes (`settle`), which
//!   devices are worth an order (`platform`, `preflight`), what was ordered before (`history`),
//!   what can be asked (`request`), what differs from an approved plan (`plan_file`), waves
//!   (`rollout`), forecasts.
//! - [`store`] keeps campaigns and the journal: a trait in the program's verbs, in memory, in
//!   SQLite, and in PostgreSQL for several hosts. [`engine`] runs a campaign: one loop owns the
//!   state; tasks claim, send and settle.
//! - [`gate`] is a limiter of the crate `governor`, which the engine asks before it asks the store.
//!   It spreads bursts and is no part of the proof.
//! - [`defender`] is the client of the API and signs in by eight kinds; [`emulator`] is the API's
//!   other end. They share no code.
//! - [`intake`] reads lists, [`report`] writes reports, the plan, progress and the summary.
//! - [`ops`] carries out requests, wherever they come from: it reads no command line, no
//!   environment and no terminal, which are [`cli`]'s; it names options only in what it proposes.
//!   [`page`] shows in a browser what a store holds, and changes nothing. [`clock`] is where time
//!   comes from.
//! - [`system`] is the one place that knows Linux from Windows: files and their rights, the start
//!   of the machine, terminals, signals, folders. No other file names a kind of system, but in
//!   tests.
//!
//! The picture shows the main ways; the whole table of who may import whom is in
//! `tests/it/tidy/imports.rs`. Dependencies point one way and no file imports one that imports it;
//! `tests/it/tidy` fails on both, by that table and by following each import.
//!
//! # Words
//!
//! Each has one meaning, in names and in comments. What users read says it in plain words: order,
//! limit, waiting, not known.
//!
//! - **called off**: nothing more of a campaign is ordered, since somebody cancelled it (what
//!   waited in it is **taken back**), or since the next run of its series has that (**handed on**).
//! - **campaign**: one order to scan one list: tenant, cloud, application, type, comment. It has a
//!   name and survives crashes. A **series** is campaigns that follow one another by one command; a
//!   **wave** is a part of one that is judged before the next.
//! - **device**: one machine of one campaign. **row**: a line of the list, with a device or not.
//! - **call**: an HTTP request that counts, journaled before it is sent. **attempt**: one for a
//!   scan. **reply**: what came back. **verdict**: what it means. **outcome**: how a device ended.
//! - **budget**: what one application in one tenant may call, by operation; its **quotas** are so
//!   many calls in any window of so long. **slot**: one call's place in each of them.
//! - **journal**: the calls in the store. **claim**: the transaction that takes a device and a slot
//!   and writes the attempt. **settle**: the one that writes the verdict. **doubtful**: a device
//!   whose answer was lost, until the list of actions says.
//! - **gate**: the limiter in the process, which is asked before the store.
//! - **runner**: a process that claims and sends. **worker**: one that runs whatever is open.
//! - **request**: what somebody asks for, as a plain value, wherever it comes from.
//!
//! # The way of a scan
//!
//! 1. `cli::parse` reads what was typed, of which `cli::args` makes a
//!    [`domain::request::ScanRequest`]; `cli::settings` makes another of the settings file and the
//!    environment.
//! 2. `ops::scan` folds them, the typed one first, with a plan file or what the campaign keeps.
//! 3. `ops::destination` says where it goes and as whom; `ops::stores` opens the store.
//! 4. `ops::plan` streams the list through [`intake`] into the store as a draft, judged row by row
//!    by `ops::preflight`; `ops::waves` deals it.
//! 5. The plan is shown, and somebody says yes; the draft becomes a campaign (`Store::open`).
//! 6. `ops::run` starts `engine::run`. Its pump takes what is due: a pass of the gate, a token,
//!    then a slot, which is on the disk before the first byte leaves (`engine::pump::call`).
//! 7. The client (`defender::http`) posts; `domain::verdict` judges the reply, `domain::settle`
//!    says what it writes, `domain::refusals` and `engine::safety` whether it stops the run.
//! 8. A call without a whole answer is looked up in the list of actions (`engine::look_up`).
//! 9. Events tell the face how far it is; Ctrl-C, a window or a rule ends the loop.
//! 10. `ops::run::reports` writes each row with its outcome; [`domain::Exit`] says how it ended.
//!
//! # Where a change goes
//!
//! - **An option**: a field of a request (`domain::request`), the option in `cli::args` and there
//!   what makes the field of it, its key in `cli::settings` if the file may hold it, and the
//!   operation that goes by it (`ops::plan`, `ops::run`, ...). If a plan tells it, `report::plan`
//!   shows it, `ops::plan_file` keeps it and `domain::plan_file` compares it. A campaign keeps its
//!   request whole (`domain::Begun`); only what a claim goes by has columns of its own
//!   (`domain::record`, the stores' migrations).
//! - **A form of list**: the names of its columns or fields in `intake::header`, `intake::facts`
//!   and `intake::meaning`, what sets it apart in `intake::shape`, an example in `fixtures/intake`.
//! - **An outcome**: `domain::outcome` with `ALL`, `RETRIED` and what it is; what leads to it in
//!   `domain::lifecycle` and `domain::settle`; its reason in a report (`report::record`), what to
//!   do about it (`report::advice`, `report::outcomes`), its place in pictures
//!   (`report::picture::bar`); whether `retry` takes it (`ops::retry`); the help of `--outcome` and
//!   of `--max-failures` (`cli::args`); the topic `reports`. The compiler names the rest.
//! - **A verb of the store**: the trait `Store`; once in `store::verbs` over the rows of any
//!   database (`store::tables`); once more, on its own, in `store::memory`, the model; one test of
//!   it in `tests/it/store/suite`, which all three pass.
//! - **A check of `doctor`**: `ops::doctor`, with its remedy.
//! - **A reason why no order leaves**: `domain::event::HoldReason`, its sentence in
//!   `report::standing`.
//!
//! # Invariants
//!
//! Behind "caught by" stand the controls: a variant that is broken on purpose, of which the same
//! check must say so.
//!
//! **I1 none lost.** Every row that was read ends in exactly one outcome or is still open, and the
//! sums agree at every moment. *Shown by* `counts_agree_with_the_rows_whatever_happens`,
//! `whatever_fails_and_crashes_nothing_is_lost_doubled_or_misreported`. *Caught by*
//! `a_campaign_that_finishes_early_and_a_claim_that_is_forgotten_are_lost_rows`.
//!
//! **I2 not twice.** One campaign orders at most one new scan for each device, whatever crashes. A
//! call without a whole answer makes its device doubtful, and the list of actions is asked before
//! any repeat. *Shown by* `a_crash_at_any_moment_loses_nothing_and_orders_nothing_twice`,
//! `killed_at_any_write_fsync_send_or_receive_it_loses_nothing_and_orders_nothing_twice`. *Caught
//! by* `an_order_that_is_repeated_without_a_look_is_a_second_order`.
//!
//! **I3 limit.** Of the calls made through one store at most 100 fall into any half-open 60 s, and
//! 1,500 into any 3,600 s, on the server's clock. The journal is the limiter: a call's slot is
//! durable before its first byte leaves, and stands for the latest moment at which the server can
//! count it. The proof is in [`domain::window`];
//! its W′ is `Quota::reopens_after`. *Shown by*
//! `twenty_thousand_devices_keep_both_limits_within_a_hundredth_of_the_optimum`,
//! `the_limit_holds_without_the_gate`. *Caught by* `broken_limiters_are_caught`,
//! `a_limiter_that_stamps_wrongly_is_over_the_limit`, `broken_clocks_and_late_calls_are_caught`.
//!
//! One application in one tenant has one budget over all host names of a service, however its ids
//! are spelled ([`domain::service`]): `two_host_names_of_one_service_are_one_limit`,
//! `an_old_and_a_new_host_name_a_domain_and_an_id_are_one_limit_on_the_wire`. A store that told
//! them apart keeps the calls of all:
//! `budgets_that_become_one_keep_all_calls_and_the_strictest_pause`. A lower limit that the server
//! names is kept too ([`domain::named`]).
//!
//! Cancelling has a budget of its own under the same rule:
//! `three_thousand_cancellations_keep_both_limits_near_the_optimum`. *Caught by*
//! `without_the_journal_the_limit_of_cancelling_does_not_hold`.
//!
//! A commit is durable before what it stands for leaves:
//! `every_claim_is_on_the_disk_before_the_first_byte_of_its_request_leaves`. *Caught by*
//! `a_store_that_syncs_at_its_checkpoints_alone_is_caught_by_the_same_reading`.
//!
//! **I4 no secret** in a log, report, store, argument list or error. Secrets live in types that
//! cannot be printed. *Shown by*
//! `a_whole_life_with_faults_and_echoes_shows_neither_the_secret_nor_the_token`. *Caught by*
//! `the_same_search_finds_a_secret_that_is_put_into_the_comment`.
//!
//! **I5 honest.** The report equals what the server did; what is not known is called unknown; an
//! older or a stranger's action is not called ours. *Shown by*
//! `with_faults_report_and_ledger_agree_row_by_row_and_no_429_is_our_fault`,
//! `somebody_elses_action_in_a_201_is_not_called_ours`,
//! `a_killed_night_of_which_only_scans_of_others_are_unseen_ends_with_the_next_one`,
//! `exactly_the_open_actions_of_the_campaign_are_cancelled_and_nobody_elses`. *Caught by*
//! `an_older_action_and_an_unknown_one_that_are_called_ours_are_misreported`,
//! `a_canceller_that_goes_by_device_is_caught`.
//!
//! Hostile answers: `each_hostile_answer_is_judged_as_the_table_says_and_memory_stays_bounded`.
//!
//! **I6 bounded.** Memory, disk, waiting and stopping have written limits: the constants of
//! [`domain::Timing`], of the queues and of the pages. *Shown by*
//! `a_body_without_end_is_cut_and_the_status_kept`,
//! `an_idle_engine_asks_its_store_only_now_and_then`,
//! `engines_that_wait_share_one_question_every_ten_seconds`. *Caught by*
//! `engines_that_ask_each_for_itself_are_caught_by_the_same_count`.
//!
//! **I7 clear.** Every error says what happened, why, and what to do next. *Shown by*
//! `each_wrong_use_says_what_why_and_what_next`. *Caught by*
//! `an_error_without_its_reason_or_its_next_step_is_caught`.
//!
//! **I8 as agreed.** No order leaves outside of its window, other than its approved plan says, or
//! past a wave that failed. *Shown by*
//! `whenever_the_wall_clock_steps_no_order_leaves_outside_of_the_window`,
//! `whatever_is_typed_otherwise_than_planned_is_refused_before_the_first_order`,
//! `whatever_crashes_nothing_beyond_a_canary_that_fails_is_ever_ordered`,
//! `no_night_follows_one_of_which_a_wave_failed_until_somebody_has_looked`. *Caught by*
//! `a_run_that_reads_the_wall_clock_once_is_caught_outside_of_the_window`,
//! `no_value_of_a_plan_is_forgotten_by_the_comparison`,
//! `a_store_that_claims_beyond_the_wave_and_one_that_opens_it_unjudged_are_caught`.
//!
//! I2 and I3 assume that bytes once sent arrive within the horizon (65 s), and that the list of
//! actions shows a new one within the wait of the look-ups (90 s). Where a server changes
//! comments, I2 assumes as well that no machine loses time, as at a restart without a clock, and
//! no store its latest calls, between a campaign's first order and the first answer of any kind:
//! the server's time is all that tells ours then
//! (`the_servers_time_that_a_look_told_outlives_a_restart_that_loses_time`).

pub mod cli;
pub mod clock;
pub mod defender;
pub mod domain;
pub mod emulator;
pub mod engine;
pub mod gate;
pub mod intake;
pub mod ops;
pub mod page;
pub mod report;
pub mod store;
pub mod system;
