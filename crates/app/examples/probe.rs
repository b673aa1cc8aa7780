use std::time::Instant;
use clara_app::*;
use clara_contract::Empty;
fn main() {
    let folder = std::env::args().nth(1).unwrap();
    let app = App::new(Options { background: false, keyring: Keyring::Off, ..Options::here(folder.into()) });
    let t = Instant::now();
    let s = app.start(Empty {}).unwrap();
    println!("start {:?} {:?}", s.state, t.elapsed());
    let t = Instant::now();
    let s = app.try_demo(Empty {}).unwrap();
    println!("demo {} {} {:?}", s.full_name, s.user_id, t.elapsed());
    let t = Instant::now();
    let jobs = app.list_jobs(clara_contract::jobs::ListJobs { status: None, mine: false, text: None, limit: None }).unwrap();
    println!("list {} {:?}", jobs.len(), t.elapsed());
    for j in jobs.iter().rev().take(40) { println!("{} {} {:?} {:?} {} {}/{}", j.job_number, j.scheduled_date, j.status, j.technician, j.title, j.devices_done, j.devices_total); }
    let t = Instant::now();
    let today = app.today(Empty {}).unwrap();
    println!("today {:?} {:?}", today.now.as_ref().map(|n| (&n.job.title, &n.resume)), t.elapsed());
    let t = Instant::now();
    let c = app.completeness(Default::default()).unwrap();
    println!("completeness {:?} {} {:?}", c.total, c.percentage, t.elapsed());
    let t = Instant::now();
    app.sync_status(Empty {}).unwrap();
    println!("status {:?}", t.elapsed());
    if let Some(n) = today.now {
        let t = Instant::now();
        let s = app.open_job(clara_contract::jobs::OpenJob { job_id: n.job.job_id }).unwrap();
        println!("open_job {} {:?}", s.devices.len(), t.elapsed());
        let t = Instant::now();
        let i = app.open_inspection(clara_contract::inspection::OpenInspection { job_id: n.job.job_id, equipment_id: s.devices[0].equipment_id, template_id: None, amends: None }).unwrap();
        println!("open_inspection {} {:?} {:?}", i.template_name, i.templates.iter().map(|t| &t.name).collect::<Vec<_>>(), t.elapsed());
    }
}
