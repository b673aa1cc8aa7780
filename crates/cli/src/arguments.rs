//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use uuid::Uuid;

/// Clara Field without a window.
///
/// Exit codes: 0 done; 1 refused, with the reason; 2 the command line is wrong; 3 the server was not reached, nothing is
/// lost; 4 two sides that must be equal differ.
///
/// Environment: CLARA_PROFILE, the profile's folder; CLARA_PASSPHRASE, opens it where there is no keyring; CLARA_KEYRING=off,
/// do not use the keyring; CLARA_CENTRAL_PASSWORD, the administrator's password; CLARA_LOG, what to log to standard error.
#[derive(Debug, Parser)]
#[command(name = "clara", version, max_term_width = 110)]
pub(crate) struct Arguments {
    /// The profile's folder.
    #[arg(long, global = true, env = "CLARA_PROFILE", value_name = "DIR")]
    pub(crate) profile: Option<PathBuf>,
    /// Answers and failures as JSON on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) noun: Noun,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Noun {
    /// This laptop: enroll, sync, status, verify, backups.
    #[command(subcommand)]
    Device(Device),
    /// Jobs.
    #[command(subcommand)]
    Job(Job),
    /// Inspections.
    #[command(subcommand)]
    Inspection(Inspection),
    /// Installed items.
    #[command(subcommand)]
    Equipment(Equipment),
    /// The catalog.
    #[command(subcommand)]
    Specs(Specs),
    /// How complete the captured data is.
    Completeness(Completeness),
    /// Fields on which two people differed.
    #[command(subcommand)]
    Conflicts(Conflicts),
    /// Work that waits for a manager's decision.
    #[command(subcommand)]
    Parked(Parked),
    /// Rescue packs: all unsent work of a laptop in one file, sealed for the office.
    #[command(subcommand)]
    Rescue(Rescue),
    /// The central database: what the office runs.
    Central(Central),
    /// Any command of the app, with its request as JSON.
    Call(Call),
    /// The whole story against a private PostgreSQL.
    Demo(Demo),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Device {
    /// Makes this profile a person's. The enrolment file is read from FILE, or from standard input for `-`.
    Enroll {
        /// The enrolment file from the office.
        file: PathBuf,
        /// What this laptop is called.
        #[arg(long, default_value = "Laptop")]
        name: String,
    },
    /// Takes your work off this laptop. What was not sent goes into a rescue pack first, which stays; without one nothing goes.
    SignOut,
    /// Fills this profile with the demo company; there is no server.
    TryDemo,
    /// Syncs now and waits for the end of it.
    Sync,
    /// What exists only here, and how the last sync went.
    Status,
    /// Compares the mirror with the server row by row and puts right what differs.
    Verify,
    /// Off the network, or on it again.
    Offline {
        /// `on` works offline, `off` goes back on the network.
        #[arg(value_parser = ["on", "off"])]
        state: String,
    },
    /// Copies of the mirror on this laptop, newest first.
    Backups,
    /// Brings a copy back. What is here now is set aside, unsent work is taken over, the next sync brings the rest.
    Restore {
        /// Its name in the list of copies.
        #[arg(long)]
        backup: String,
    },
    /// What is on its way, or needs you; with an id and an action, acts on it.
    Work {
        /// The item.
        id: Option<Uuid>,
        /// What to do with it.
        #[arg(requires = "id", value_parser = ["retry", "hand_to_office", "export", "withdraw"])]
        action: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Job {
    /// Jobs in the order of work.
    List {
        /// scheduled, in_progress, completed or cancelled.
        #[arg(long)]
        status: Option<String>,
        /// Only mine.
        #[arg(long)]
        mine: bool,
        /// In number, title, site, customer.
        #[arg(long)]
        text: Option<String>,
    },
    /// One job, by id or number.
    Show { job: String },
    /// Begins work.
    Start { job: String },
    /// Ticks a line of the checklist.
    Check {
        job: String,
        key: String,
        /// Takes the tick away.
        #[arg(long)]
        undo: bool,
    },
    /// Closes a job; with gaps a reason is needed.
    Complete {
        job: String,
        #[arg(long)]
        reason: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Inspection {
    /// Shows the inspection of an item at a job; begins a draft where there is none.
    Show(InspectionOf),
    /// Saves a draft.
    Save(InspectionInput),
    /// Saves and completes it: it becomes a record that only amendments change.
    Complete(InspectionInput),
}

#[derive(Debug, Args)]
pub(crate) struct InspectionOf {
    /// The job, by id or number.
    #[arg(long)]
    pub(crate) job: String,
    /// The item, by id or tag.
    #[arg(long)]
    pub(crate) equipment: String,
    /// Another template than the one that fits best.
    #[arg(long)]
    pub(crate) template: Option<Uuid>,
    /// Amends this completed inspection.
    #[arg(long)]
    pub(crate) amends: Option<Uuid>,
}

#[derive(Debug, Args)]
pub(crate) struct InspectionInput {
    #[command(flatten)]
    pub(crate) of: InspectionOf,
    /// What was entered, as JSON: answers, not_tested, confirmed, findings, recommendations, deficiencies, next_due…; `-` for
    /// standard input.
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,
    /// A photo; may be given again.
    #[arg(long)]
    pub(crate) photo: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Equipment {
    /// Items by what can be read of them.
    List {
        #[arg(long)]
        text: Option<String>,
        /// fire_pump, backflow_preventer, …
        #[arg(long)]
        category: Option<String>,
        /// A site's id.
        #[arg(long)]
        location: Option<Uuid>,
        /// Only those with missing fields.
        #[arg(long)]
        gaps: bool,
    },
    /// One item, by id or tag.
    Show { item: String },
    /// Writes one field of the nameplate.
    Capture {
        item: String,
        /// serial_number, location_detail, components.filter_size, …
        field: String,
        /// Empty takes the value away.
        value: String,
        #[arg(long, default_value = "typed", value_parser = ["typed", "scanned", "confirmed"])]
        source: String,
    },
    /// Says why a field cannot be captured.
    Justify {
        item: String,
        field: String,
        /// None takes the reason away.
        #[arg(value_parser = ["unreadable", "inaccessible", "not_present"])]
        reason: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Specs {
    /// Models by half a number; look-alike letters are forgiven.
    Search {
        text: String,
        #[arg(long, default_value = "all", value_parser = ["all", "in_our_care", "this_site"])]
        within: String,
        #[arg(long)]
        limit: Option<u32>,
    },
    /// One model.
    Show { model: Uuid },
}

#[derive(Debug, Args)]
pub(crate) struct Completeness {
    /// A site's id.
    #[arg(long)]
    pub(crate) location: Option<Uuid>,
    /// fire_pump, backflow_preventer, …
    #[arg(long)]
    pub(crate) category: Option<String>,
    /// A job, by id or number.
    #[arg(long)]
    pub(crate) job: Option<String>,
    /// A technician's id.
    #[arg(long)]
    pub(crate) technician: Option<Uuid>,
    /// The rows behind the numbers, as CSV.
    #[arg(long)]
    pub(crate) csv: bool,
    /// The items with gaps.
    #[arg(long, conflicts_with = "csv")]
    pub(crate) rows: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Conflicts {
    /// All of them, undecided first.
    List,
    /// Decides one.
    Resolve {
        id: Uuid,
        /// client (the laptop's), server, or both.
        #[arg(value_parser = ["client", "server", "both"])]
        keep: String,
        /// The text, where both are kept.
        #[arg(long)]
        value: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Parked {
    /// All of it, undecided first.
    List,
    /// Accepts or declines it.
    Decide {
        id: Uuid,
        #[arg(value_parser = ["accept", "decline"])]
        decision: String,
        #[arg(long)]
        note: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Rescue {
    /// Seals all unsent work and photos into one file for the office. Nothing is taken away from here.
    Make {
        /// Into this folder, a USB stick's for example; otherwise into the profile's own.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Shows what is in a pack, as far as it can be read. Nothing is carried out.
    Show {
        file: PathBuf,
        /// The company's recovery key; without it, only what is outside the seal.
        #[arg(long, value_name = "FILE")]
        identity_file: Option<PathBuf>,
        /// Also writes its photos into this folder.
        #[arg(long, value_name = "DIR", requires = "identity_file")]
        photos: Option<PathBuf>,
    },
    /// In the office: puts a pack's work in, in its author's name. The same pack again changes nothing. With the login of this
    /// profile, where its person works in the office; or as `clara central rescue import` does, with a server's options.
    Import {
        file: PathBuf,
        /// The company's recovery key.
        #[arg(long, value_name = "FILE")]
        identity_file: PathBuf,
        #[command(flatten)]
        server: ServerAt,
    },
    /// In the office: makes the pack of a laptop whose keyring or passphrase is lost, from its profile's folder.
    OpenProfile {
        /// The company's recovery key.
        #[arg(long, value_name = "FILE")]
        identity_file: PathBuf,
        /// Where the pack goes. The profile's folder is left as it is.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CentralRescue {
    /// Puts a pack's work in, in its author's name. The same pack again changes nothing.
    Import {
        file: PathBuf,
        /// The company's recovery key.
        #[arg(long, value_name = "FILE")]
        identity_file: PathBuf,
    },
}

/// Which server, and as whom.
#[derive(Debug, Args)]
pub(crate) struct ServerAt {
    /// JSON: host, port, database, user, ca_file. The options below win over it.
    #[arg(long, value_name = "FILE")]
    pub(crate) server_file: Option<PathBuf>,
    #[arg(long)]
    pub(crate) host: Option<String>,
    #[arg(long)]
    pub(crate) port: Option<u16>,
    #[arg(long)]
    pub(crate) database: Option<String>,
    /// Administrator's role. Its password comes from CLARA_CENTRAL_PASSWORD or is asked for.
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// The certificate authority of the server, PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// For development: a PostgreSQL of any version, on this machine only.
    #[arg(long, env = "CLARA_ANY_POSTGRES", value_parser = ["loopback"])]
    pub(crate) any_postgres: Option<String>,
}

impl ServerAt {
    /// Whether one was named at all.
    pub(crate) fn is_named(&self) -> bool {
        [&self.host, &self.database, &self.user].iter().any(|given| given.is_some())
            || self.server_file.is_some()
            || self.ca.is_some()
            || self.port.is_some()
    }
}

#[derive(Debug, Args)]
pub(crate) struct Central {
    #[command(flatten)]
    pub(crate) server: ServerAt,
    #[command(subcommand)]
    pub(crate) verb: CentralVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CentralVerb {
    /// Makes the database, its roles and its schema.
    Init {
        /// The company's name, as laptops show it.
        #[arg(long)]
        company: String,
        /// The recovery key for the safe goes into this file; otherwise it is printed, once.
        #[arg(long, value_name = "FILE")]
        recovery_key_out: Option<PathBuf>,
    },
    /// Makes the company's recovery key, where the database has none yet. It is shown once and kept nowhere.
    RecoveryKey {
        /// Into a file instead of standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// In the place of the one there is. Packs made before still need the old one.
        #[arg(long)]
        replace: bool,
    },
    /// Rescue packs.
    Rescue {
        #[command(subcommand)]
        verb: CentralRescue,
    },
    /// Brings the schema to this version.
    Migrate,
    /// Loads the demo company.
    SeedDemo,
    /// Imports rows from CSV, JSON or JSON lines; the same file twice changes nothing.
    Import {
        file: PathBuf,
        /// Which column becomes what.
        #[arg(long)]
        map: PathBuf,
    },
    /// Makes an enrolment for a person's laptop and prints it.
    Enroll {
        /// E-mail address or id of the person.
        person: String,
        /// The laptop's name.
        #[arg(long, default_value = "Laptop")]
        device: String,
        /// Hours until it expires.
        #[arg(long)]
        hours: Option<i64>,
        /// host:port as laptops reach the server, where it differs.
        #[arg(long)]
        address: Option<String>,
        /// Into a file instead of standard output.
        #[arg(long)]
        out: Option<PathBuf>,
        /// On one line, for a message.
        #[arg(long)]
        code: bool,
    },
    /// Ends a person's or a laptop's access and live connections.
    Revoke {
        /// E-mail address or id of the person.
        #[arg(required_unless_present = "device")]
        person: Option<String>,
        /// A laptop's id.
        #[arg(long, conflicts_with = "person")]
        device: Option<Uuid>,
    },
    /// Narrows what a manager's laptop holds to regions or to sites with work at hand. With neither, all sites again.
    Subscribe {
        /// E-mail address or id of the person.
        person: String,
        /// A region; may be given several times. Sites name theirs in `metadata.region`, or in their address.
        #[arg(long = "region", value_name = "REGION")]
        regions: Vec<String>,
        /// Only sites with an open job, or one in the last so many days.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..))]
        window: Option<u16>,
    },
    /// Computes the office's reports anew.
    Refresh,
    /// Prints the office's reports: capture completeness, inspections due, open deficiencies.
    Report,
    /// Where the bytes of photos are kept.
    Photos {
        #[command(subcommand)]
        verb: PhotosVerb,
    },
    /// After a dump was restored into another cluster: stamps every row anew.
    Rebase,
    /// Looks everything over and says what to do.
    Doctor,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PhotosVerb {
    /// Moves bytes out of the database into a folder, each checked by its hash before and after.
    MoveOut {
        /// A folder that exists. Laptops cannot fetch from it.
        folder: PathBuf,
        /// Only photos that are at least so many days old.
        #[arg(long, default_value_t = 365)]
        days: u16,
    },
    /// Puts them back into the database.
    BringBack { folder: PathBuf },
    /// Reads every photo and compares its hash.
    Verify { folder: PathBuf },
    /// Writes one photo's bytes to a file, wherever they are.
    Read {
        /// The photo's id.
        photo: Uuid,
        /// The folder that bytes were moved to.
        #[arg(long)]
        folder: PathBuf,
        #[arg(long)]
        out: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Call {
    /// As in the contract: today, open_job, …
    pub(crate) command: String,
    /// Its request; `-` for standard input.
    #[arg(long = "request", short = 'r', default_value = "{}")]
    pub(crate) request: String,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Keeps the cluster running and prints one line of JSON with the profiles' folders, until it is told to stop.
    #[arg(long)]
    pub(crate) serve: bool,
    /// Where cluster and profiles are kept; a temporary folder if absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}
