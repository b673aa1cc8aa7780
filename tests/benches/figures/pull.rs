//! What comes down once a laptop is in step: 100 changes, and nothing.

use clara_cluster::Cut;
use clara_sync::{Central, PullRequest, Replica};
use clara_tests::{Company, Device, block_on, ids};
use uuid::Uuid;

use crate::floor::{Bare, Sqlite};
use crate::measure::{Book, Line, Times};

const RUNS: u32 = 15;
const IDLE_RUNS: u32 = 200;

/// A company with so many items at a site of Ana's, and her laptop, in step.
struct Sized {
    company: Company,
    ana: Device,
    bare: Bare,
    ids: Vec<Uuid>,
    ours: Times,
    select: Times,
    durable: Times,
}

impl Sized {
    fn of(items: u32) -> Self {
        let company = Company::found();
        company.office(&format!(
            "INSERT INTO equipment_inventory (id, location_id, equipment_model_id, serial_number, location_detail, components)
             SELECT md5('item' || n)::uuid, '{}', '11000000-0000-4000-8000-000000000001', 'SN-' || n, 'Riser room ' || n % 40,
                 '{{\"drive\": \"belt\"}}'
             FROM generate_series(1, {items}) n;
             ANALYZE",
            ids::TOWER
        ));
        let spread = items / 100;
        let list = company.office(&format!(
            "SELECT string_agg(md5('item' || n * {spread})::uuid::text, ' ') FROM generate_series(1, 100) n"
        ));
        let ids = list.split(' ').map(|id| id.parse().unwrap()).collect();
        let mut ana = Device::enroll(&company, ids::ANA);
        ana.sync();
        ana.sync();
        let bare = Bare::connect(&company);
        Self { company, ana, bare, ids, ours: Times::default(), select: Times::default(), durable: Times::default() }
    }

    /// The office changes 100 items.
    fn change(&self, run: u32) {
        let list: Vec<String> = self.ids.iter().map(Uuid::to_string).collect();
        let sql = "UPDATE equipment_inventory SET notes = 'Belt replaced on visit ";
        self.company.office(&format!("{sql}{run}' WHERE id = ANY('{{{}}}')", list.join(",")));
    }

    fn take_turns(&mut self, run: u32, sqlite: Option<&mut Sqlite>) {
        self.change(run);
        let report = self.ours.run(|| self.ana.sync());
        assert_eq!(report.rows, 100);
        assert_eq!(self.bare.items(&self.ids, &mut self.select), 100);
        if let Some(sqlite) = sqlite {
            let body = "x".repeat(300);
            self.durable.run(|| sqlite.upsert(&self.ids, &body));
        }
    }
}

pub fn part(book: &mut Book) {
    let (mut small, mut large) = (Sized::of(10_000), Sized::of(100_000));
    let folder = tempfile::tempdir().unwrap();
    let mut sqlite = Sqlite::open(folder.path());
    book.memory_from_here();
    for run in 0..RUNS {
        small.take_turns(run, sqlite.as_mut());
        large.take_turns(run, sqlite.as_mut());
    }
    book.memory_to_here("pull of 100 changes", None);
    for (rows, sized) in [("10,000", &small), ("100,000", &large)] {
        let work = format!("Pull of 100 changes at {rows} rows");
        let line = Line::times(&work, &sized.ours, "one SELECT of the 100 rows by id", &sized.select);
        book.line(line.target("≤ 3×", sized.ours.median() <= 3.0 * sized.select.median()));
    }
    if sqlite.is_some() {
        let mut both = Line::times("The same, floor made durable too", &large.ours, "", &large.durable);
        let floor = large.select.median() + large.durable.median();
        both.floor = format!("{} that SELECT, and the rows into plain SQLite", crate::measure::milliseconds(floor));
        both.ratio = format!("{:.2}×", large.ours.median() / floor);
        book.line(both);
    }
    let growth = large.ours.median() / small.ours.median();
    let mut line = Line::new("Pull at 100,000 rows against at 10,000", format!("{growth:.2}×"));
    line.ratio = format!("{growth:.2}×");
    book.line(line.target("≤ 1.2×", growth <= 1.2));
    large.by_steps(book);
    small.bytes(book);
    small.idle(book);
}

impl Sized {
    /// The pull as the engine does it, with a look at where the time goes.
    fn by_steps(&mut self, book: &mut Book) {
        let (mut server, mut laptop) = (Times::default(), Times::default());
        for run in 0..RUNS {
            self.change(RUNS + run);
            let (mut mirror, device, now) = (self.ana.mirror().clone(), self.ana.id, self.ana.now());
            let cursor = mirror.state().unwrap().cursor.unwrap();
            let pull = server.run(|| block_on(self.ana.central().pull(&PullRequest { device, cursor })).unwrap());
            laptop.run(|| {
                mirror.meet(&pull.hello, now).unwrap();
                mirror.apply_pull(&pull).unwrap()
            });
        }
        book.line(Line::new("of which waiting for the server", server.words()));
        book.line(Line::new("of which the laptop's two transactions", laptop.words()));
    }

    fn bytes(&mut self, book: &mut Book) {
        let cut = Cut::start(self.company.port()).unwrap();
        self.ana.reroute(cut.port());
        self.ana.sync();
        self.change(1000);
        cut.count_anew();
        self.ana.sync();
        let traffic = cut.count_anew();
        let bytes = traffic.to_client + traffic.to_server;
        let ours = format!("{:.1} KB in {} round trips", bytes as f64 / 1000.0, traffic.round_trips);
        book.line(Line::new("Pull of 100 changes, on the wire", ours).target("≤ 20 KB", bytes <= 20_000));

        for _ in 0..10 {
            self.ana.sync();
        }
        let traffic = cut.traffic();
        let bytes = (traffic.to_client + traffic.to_server) / 10;
        let trips = traffic.round_trips as f64 / 10.0;
        let ours = format!("{bytes} B in {trips} round trip(s)");
        let meets = bytes < 600 && traffic.round_trips == 10;
        book.line(Line::new("Sync with nothing changed, on the wire", ours).target("1 round trip, < 600 B", meets));
        let (up, down) = (traffic.to_server / 10, traffic.to_client / 10);
        book.note(format!("Bytes are those on the wire, TLS included, both ways; of the sync with nothing changed {up} B up and {down} B down."));
    }

    fn idle(&mut self, book: &mut Book) {
        self.ana.reroute(self.company.port());
        self.ana.sync();
        let (mut ours, mut floor) = (Times::default(), Times::default());
        for _ in 0..IDLE_RUNS {
            ours.run(|| self.ana.sync());
            self.bare.round_trip(&mut floor);
        }
        book.line(Line::times("Sync with nothing changed", &ours, "one empty round trip", &floor));
        block_on(self.ana.central().close());
    }
}
