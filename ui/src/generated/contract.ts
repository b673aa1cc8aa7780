// Written by `cargo test -p clara-contract`. Do not edit.

export type ActOnWork = { 
/**
 * The operation.
 */
id: string, 
/**
 * What.
 */
action: WorkAction, };
export type ActedOnWork = { 
/**
 * The list as it is now.
 */
items: Array<WorkItem>, 
/**
 * As in [`WorkList`].
 */
more: number, 
/**
 * The file that an export wrote.
 */
saved: SavedFile | null, };
export type Activity = "idle" | "connecting" | "sending" | "receiving" | "sending_photos" | "checking";
export type AddEquipment = { 
/**
 * Its site.
 */
location_id: LocationId, 
/**
 * The job it was found at; it joins that job.
 */
job_id: JobId | null, 
/**
 * Its category.
 */
category: Category, 
/**
 * The catalogue's model.
 */
model_id: ModelId | null, 
/**
 * As read, where the catalogue does not have it.
 */
manual_manufacturer: string | null, 
/**
 * As read, where the catalogue does not have it.
 */
manual_model_number: string | null, 
/**
 * As read.
 */
serial_number: string | null, 
/**
 * Where at the site.
 */
location_detail: string | null, 
/**
 * Its tag.
 */
tag: string | null, 
/**
 * The item it stands in for; both are linked and the old one is marked replaced.
 */
replaces: EquipmentId | null, };
export type AddPhoto = { 
/**
 * What it belongs to.
 */
target: PhotoTarget, 
/**
 * The file's name, shown in messages only.
 */
name: string, 
/**
 * Its bytes, base64.
 */
base64: string, };
export type Backup = { 
/**
 * Its name; one of the list is what [`RestoreBackup`] takes.
 */
name: string, 
/**
 * RFC 3339.
 */
taken_at: string, 
/**
 * Why it was made.
 */
reason: BackupReason, 
/**
 * Its size.
 */
byte_count: number, 
/**
 * Rows in it; none where it cannot be opened, or was not looked into.
 */
rows: number | null, 
/**
 * It was looked into and cannot be opened: there is nothing to bring back.
 */
damaged: boolean, };
export type BackupReason = "daily" | "before_migration" | "set_aside";
export type CaptionPhoto = { 
/**
 * Which.
 */
photo_id: PhotoId, 
/**
 * The new one.
 */
caption: string, };
export type CaptureCount = { 
/**
 * With a value.
 */
captured: number, 
/**
 * Without, with a reason.
 */
justified: number, 
/**
 * Without.
 */
missing: number, };
export type CaptureField = { 
/**
 * Which item.
 */
equipment_id: EquipmentId, 
/**
 * Which field.
 */
field_key: string, 
/**
 * The value; empty takes it away.
 */
value: string, 
/**
 * `typed`, `scanned`, `confirmed`.
 */
source: string, };
export type Category = "fire_pump" | "backflow_preventer" | "sprinkler_head" | "fire_extinguisher" | "fire_alarm_panel" | "smoke_detector" | "hvac" | "standpipe" | "other";
export type CategoryCompleteness = { 
/**
 * Which.
 */
category: Category, 
/**
 * Items.
 */
items: number, 
/**
 * One per field required of the category.
 */
cells: Array<HeatCell>, };
export type CategoryProgress = { 
/**
 * Which.
 */
category: Category, 
/**
 * Devices done.
 */
done: number, 
/**
 * Devices at the job.
 */
total: number, 
/**
 * One per device.
 */
devices: Array<DeviceState>, };
export type Check = { 
/**
 * What was looked at: `encryption`, `keyring`, `disk`, `clock`.
 */
key: string, 
/**
 * It is as it should be.
 */
ok: boolean, 
/**
 * In a person's words.
 */
text: string, };
export type CheckItem = { 
/**
 * Its key.
 */
key: string, 
/**
 * For a person.
 */
label: string, 
/**
 * Ticked.
 */
done: boolean, };
export type CheckJobItem = { 
/**
 * Which job.
 */
job_id: JobId, 
/**
 * Which line.
 */
key: string, 
/**
 * Ticked.
 */
done: boolean, };
export type Checked = { 
/**
 * Tables compared.
 */
tables: number, 
/**
 * Rows compared.
 */
rows: number, 
/**
 * Per table: fetched again, taken away.
 */
repairs: Array<[string, number, number]>, };
export type CloseWindow = { 
/**
 * Everything typed is saved, or the person lets it go. Otherwise the window stays.
 */
close: boolean, };
export type Code = "bad_input" | "not_here" | "not_allowed" | "not_a_picture" | "enrolment" | "login_refused" | "server_not_proven" | "server_not_reached" | "server_unfit" | "second_copy" | "locked" | "disk_full" | "damaged" | "internal";
export type CompleteInspection = { 
/**
 * Which.
 */
inspection_id: InspectionId, };
export type CompleteJob = { 
/**
 * Which job.
 */
job_id: JobId, 
/**
 * Why fields stay missing or devices uninspected; required where there are any.
 */
reason: string | null, };
export type CompletedInspection = { 
/**
 * Which.
 */
inspection_id: InspectionId, 
/**
 * How it ended.
 */
passed: boolean | null, 
/**
 * Of the item's required fields.
 */
completion_percentage: number, 
/**
 * Still missing, by label.
 */
missing: Array<string>, 
/**
 * The next item of the job that is not done.
 */
next_equipment_id: EquipmentId | null, };
export type Completeness = { 
/**
 * RFC 3339: the moment of the last pull, or of the demo.
 */
as_of: string | null, 
/**
 * In words.
 */
filter_words: string, 
/**
 * All required fields.
 */
total: CaptureCount, 
/**
 * Fields that a silent laptop could know of.
 */
unknown: number, 
/**
 * Captured and justified weight over required weight.
 */
percentage: number, 
/**
 * One row per category.
 */
categories: Array<CategoryCompleteness>, 
/**
 * Most missing first.
 */
sites: Array<SiteCompleteness>, 
/**
 * From the logs.
 */
technicians: Array<TechnicianCompleteness>, 
/**
 * From the logs, month by month, oldest first.
 */
trend: Array<TrendPoint>, 
/**
 * Freshness.
 */
laptops: Array<Laptop>, 
/**
 * Most missing first: the gap that matters.
 */
top_gaps: Array<TopGap>, };
export type CompletenessFilter = { 
/**
 * Only one site.
 */
location_id: LocationId | null, 
/**
 * Only one category.
 */
category: Category | null, 
/**
 * Only one job's items.
 */
job_id: JobId | null, 
/**
 * Only what one technician logged.
 */
technician_id: UserId | null, };
export type ConflictCard = { 
/**
 * Which.
 */
conflict_id: ConflictId, 
/**
 * "Where FP-1 is".
 */
title: string, 
/**
 * What the laptop had started from.
 */
before: string | null, 
/**
 * What the laptop sent.
 */
client: string | null, 
/**
 * Who, and when.
 */
client_by: string, 
/**
 * What stood on the server.
 */
server: string | null, 
/**
 * Who, and when.
 */
server_by: string, 
/**
 * Which of the two stands now.
 */
chosen: Side, 
/**
 * The client's value is mine.
 */
mine: boolean, 
/**
 * Both joined, where they are text.
 */
both: string | null, 
/**
 * Why the rule chose as it did.
 */
why: string, 
/**
 * RFC 3339.
 */
created_at: string, 
/**
 * Already decided.
 */
resolution: string | null, };
export type ConflictId = string;
export type Csv = { 
/**
 * A good name for the file.
 */
name: string, 
/**
 * Its text.
 */
text: string, };
export type DecideParked = { 
/**
 * Which.
 */
id: string, 
/**
 * It takes effect, with its author kept; otherwise it stays on record without effect.
 */
accept: boolean, 
/**
 * Why.
 */
note: string | null, };
export type Deficiency = { 
/**
 * Its own id.
 */
id: string, 
/**
 * How grave.
 */
severity: Severity, 
/**
 * What is wrong.
 */
text: string, 
/**
 * What to do.
 */
action: string | null, 
/**
 * The item it came from.
 */
item_key: string | null, };
export type DeviceId = string;
export type DeviceState = "not_started" | "started" | "passed" | "failed";
export type DraftBody = { 
/**
 * Item key to answer: "yes", "no", a number as typed, words, a date.
 */
answers: { [key in string]: string }, 
/**
 * Item key to the reason it was not tested.
 */
not_tested: { [key in string]: string }, 
/**
 * Item keys of suspicious readings that were read again.
 */
confirmed: Array<string>, 
/**
 * Findings in words.
 */
findings: string, 
/**
 * Recommendations in words.
 */
recommendations: string, 
/**
 * What is wrong.
 */
deficiencies: Array<Deficiency>, 
/**
 * `YYYY-MM-DD`.
 */
next_due: string | null, 
/**
 * The technician's own verdict where it differs from the rule's, and why.
 */
override_passed: boolean | null, 
/**
 * Why.
 */
override_reason: string | null, };
export type Drill = { 
/**
 * Which part.
 */
filter: CompletenessFilter, 
/**
 * Which field.
 */
field_key: string | null, 
/**
 * At most; 500 if absent.
 */
limit: number | null, };
export type DrillRow = { 
/**
 * Which.
 */
equipment_id: EquipmentId, 
/**
 * Its tag.
 */
tag: string, 
/**
 * Its category.
 */
category: Category, 
/**
 * Its site.
 */
location_name: string, 
/**
 * Where at the site.
 */
location_detail: string | null, 
/**
 * Labels of fields missing.
 */
missing: Array<string>, 
/**
 * Labels of fields justified, with the reason.
 */
justified: Array<string>, 
/**
 * Last visit, `YYYY-MM-DD`.
 */
last_visit: string | null, 
/**
 * Who was there last.
 */
last_inspector: string | null, 
/**
 * Photos.
 */
photos: number, };
export type Empty = Record<symbol, never>;
export type Enroll = { 
/**
 * The text of the enrolment file, or the code made of it.
 */
enrolment: string, 
/**
 * The laptop's name.
 */
device_name: string, 
/**
 * Opens the work without a keyring; required where there is none.
 */
passphrase: string | null, };
export type EquipmentId = string;
export type EquipmentRow = { 
/**
 * Which.
 */
equipment_id: EquipmentId, 
/**
 * Its tag, or its maker and model.
 */
tag: string, 
/**
 * Its category.
 */
category: Category, 
/**
 * Maker.
 */
manufacturer: string | null, 
/**
 * Model number.
 */
model_number: string | null, 
/**
 * Serial number.
 */
serial_number: string | null, 
/**
 * Its site.
 */
location_id: LocationId, 
/**
 * The site's name.
 */
location_name: string, 
/**
 * Where at the site.
 */
location_detail: string | null, 
/**
 * `equipment_status`.
 */
status: string, 
/**
 * Required fields.
 */
capture: CaptureCount, };
export type EquipmentSheet = { 
/**
 * Its row.
 */
row: EquipmentRow, 
/**
 * The catalogue's model, if known.
 */
model_id: ModelId | null, 
/**
 * The model's trade name.
 */
product_name: string | null, 
/**
 * The plate: every required field and those with a value.
 */
plate: Array<PlateField>, 
/**
 * Required fields, judged.
 */
fields: Array<FieldCapture>, 
/**
 * Factory specs.
 */
specs: Array<SpecGroup>, 
/**
 * Between which values the model's own readings may lie.
 */
limits: Array<SpecLimit>, 
/**
 * Where the specs are from.
 */
data_source: string | null, 
/**
 * Known problems, most frequent first.
 */
problems: Array<Problem>, 
/**
 * Photos, newest first.
 */
photos: Array<PhotoTile>, 
/**
 * Visits, newest first.
 */
history: Array<Visit>, 
/**
 * What its gauges showed when they were last read, newest visit first.
 */
last_readings: Array<LastReading>, 
/**
 * An open job it belongs to.
 */
job_id: JobId | null, 
/**
 * What it replaced.
 */
replaced: EquipmentId | null, 
/**
 * What replaced it.
 */
replaced_by: EquipmentId | null, 
/**
 * Free notes.
 */
notes: string | null, 
/**
 * Something of it is only on this laptop.
 */
saved_here: boolean, };
export type Event = { "event": "changed", 
/**
 * Table names.
 */
entities: Array<string>, } | { "event": "sync", 
/**
 * The whole of it.
 */
status: SyncStatus, } | { "event": "revoked", } | { "event": "closing", };
export type Failure = { 
/**
 * What kind.
 */
code: Code, 
/**
 * What happened, in a person's words.
 */
message: string, 
/**
 * What is safe.
 */
safe: string, 
/**
 * What to do.
 */
next: string, 
/**
 * The field the failure is about, where there is one.
 */
field: string | null, };
export type FieldCapture = { 
/**
 * As in [`Requirement::field_key`].
 */
field_key: string, 
/**
 * For a person.
 */
label: string, 
/**
 * Its weight.
 */
weight: number, 
/**
 * Captured, justified or missing.
 */
state: FieldState, 
/**
 * The reason, where justified: `unreadable`, `inaccessible`, `not_present`.
 */
reason: string | null, 
/**
 * Where on the machine it is usually found.
 */
hint: string | null, };
export type FieldState = "captured" | "justified" | "missing";
export type FirstSync = { 
/**
 * Tables done of tables in all, by rows where known.
 */
percent: number, 
/**
 * Today's sites are complete: work can start.
 */
can_start: boolean, 
/**
 * What comes in now, in words.
 */
now: string, 
/**
 * Rows so far.
 */
rows: number, };
export type FoundModel = { 
/**
 * Which.
 */
model_id: ModelId, 
/**
 * As the maker writes it.
 */
model_number: string, 
/**
 * Matched letters: start and end in characters, and whether a letter was read as another.
 */
matched: Array<[number, number, boolean]>, 
/**
 * Maker.
 */
manufacturer: string, 
/**
 * Trade name.
 */
product_name: string | null, 
/**
 * Its category.
 */
category: Category, 
/**
 * Last year made.
 */
year_discontinued: number | null, 
/**
 * The model that replaced it.
 */
replaced_by: string | null, 
/**
 * Installed in this mirror.
 */
in_our_care: number, 
/**
 * Installed at the site.
 */
on_this_site: number, 
/**
 * One character differs.
 */
one_off: boolean, };
export type GapSummary = { 
/**
 * How many.
 */
fields: number, 
/**
 * "3 serials, 2 photos, 1 date".
 */
words: string, 
/**
 * A guess at the time it takes.
 */
minutes: number, };
export type HeatCell = { 
/**
 * Which field.
 */
field_key: string, 
/**
 * For a person.
 */
label: string, 
/**
 * Its fields.
 */
count: CaptureCount, 
/**
 * Captured and justified, of required.
 */
percentage: number, };
export type HoldPhotos = { 
/**
 * Hold them back.
 */
hold: boolean, };
export type InspectionId = string;
export type InspectionSheet = { 
/**
 * Which; the draft's id is the record's id.
 */
inspection_id: InspectionId, 
/**
 * The job.
 */
job_id: JobId, 
/**
 * The item.
 */
equipment_id: EquipmentId, 
/**
 * Its tag.
 */
tag: string, 
/**
 * Its category.
 */
category: Category, 
/**
 * Maker.
 */
manufacturer: string | null, 
/**
 * Model number.
 */
model_number: string | null, 
/**
 * The site's name.
 */
location_name: string, 
/**
 * Template, standard and edition in words.
 */
template_name: string, 
/**
 * "NFPA 25, 2023, rev 3".
 */
template_source: string, 
/**
 * Templates that fit the item.
 */
templates: Array<TemplateChoice>, 
/**
 * Sections in order; each is a step.
 */
sections: Array<Section>, 
/**
 * What was entered.
 */
body: DraftBody, 
/**
 * Photos of this inspection.
 */
photos: Array<PhotoTile>, 
/**
 * Required fields of the item.
 */
capture: CaptureCount, 
/**
 * The last visit, `YYYY-MM-DD`.
 */
last_visit: string | null, 
/**
 * When the draft was last made durable, RFC 3339; none for one not touched yet.
 */
saved_at: string | null, 
/**
 * Completed: read only.
 */
completed: boolean, 
/**
 * Due next, proposed, `YYYY-MM-DD`.
 */
proposed_due: string | null, 
/**
 * Problems of the model that deficiencies can be picked from.
 */
problems: Array<Problem>, 
/**
 * What keeps it from completion, in words; empty when it can complete.
 */
before_complete: Array<string>, };
export type ItemSheet = { 
/**
 * Its key in `measurements`.
 */
key: string, 
/**
 * For a person.
 */
label: string, 
/**
 * How it is answered.
 */
item_type: ItemType, 
/**
 * `psi`, `psid`, `gpm`…
 */
unit: string | null, 
/**
 * Completion waits for it.
 */
required: boolean, 
/**
 * For a choice.
 */
choices: Array<string>, 
/**
 * Bounds of a number.
 */
limits: Limits, 
/**
 * Standard and section, or "company default".
 */
limit_source: string | null, 
/**
 * The rule in one sentence.
 */
why: string | null, 
/**
 * The last visit's value.
 */
last: string | null, 
/**
 * What the value is worth.
 */
verdict: Verdict, 
/**
 * "0.2 low", "same as 2025", "min 2.0".
 */
verdict_words: string, 
/**
 * Proposed where it fails.
 */
proposed: ProposedDeficiency | null, 
/**
 * Computed from others; not typed.
 */
computed_from: string | null, 
/**
 * What a computed item comes to, as text; none where a part of it is not read yet.
 */
value: string | null, };
export type ItemType = "yes_no" | "choice" | "number" | "text" | "date" | "photo" | "computed";
export type JobDevice = { 
/**
 * Which.
 */
equipment_id: EquipmentId, 
/**
 * Its tag, or its maker and model.
 */
tag: string, 
/**
 * Its category.
 */
category: Category, 
/**
 * Maker.
 */
manufacturer: string | null, 
/**
 * Model number.
 */
model_number: string | null, 
/**
 * Group head: "Pump room B2".
 */
place: string, 
/**
 * Required fields.
 */
capture: CaptureCount, 
/**
 * "serial", "photo": labels of missing fields.
 */
missing: Array<string>, 
/**
 * Where it stands at this job.
 */
state: DeviceState, 
/**
 * Readings out of limits in the draft or record of this job.
 */
out_of_limits: number, 
/**
 * Answers given of answers required, in the draft.
 */
answered: [number, number] | null, 
/**
 * The last completed visit, `YYYY-MM-DD`.
 */
last_visit: string | null, 
/**
 * How it ended.
 */
last_passed: boolean | null, 
/**
 * The inspection at this job, draft or record.
 */
inspection_id: InspectionId | null, 
/**
 * Retired, replaced or removed meanwhile.
 */
status: string, };
export type JobId = string;
export type JobRow = { 
/**
 * Which.
 */
job_id: JobId, 
/**
 * The work order number.
 */
job_number: string, 
/**
 * What.
 */
title: string, 
/**
 * Where.
 */
location_id: LocationId, 
/**
 * The site's name.
 */
location_name: string, 
/**
 * The customer's name.
 */
customer_name: string, 
/**
 * `job_type`.
 */
job_type: string, 
/**
 * Its state.
 */
status: JobStatus, 
/**
 * `job_priority`.
 */
priority: string, 
/**
 * `YYYY-MM-DD`.
 */
scheduled_date: string, 
/**
 * `HH:MM`.
 */
scheduled_time: string | null, 
/**
 * Planned minutes.
 */
duration_minutes: number | null, 
/**
 * Whose job it is.
 */
technician: string | null, 
/**
 * Devices in words: "Backflow 2, extinguishers 14".
 */
devices_words: string, 
/**
 * Devices at the job.
 */
devices_total: number, 
/**
 * Devices with a completed inspection at this job.
 */
devices_done: number, 
/**
 * Required fields of its devices.
 */
capture: CaptureCount, 
/**
 * Something of it is only on this laptop.
 */
saved_here: boolean, };
export type JobSheet = { 
/**
 * Its row.
 */
job: JobRow, 
/**
 * What is to be done.
 */
description: string | null, 
/**
 * From the office.
 */
special_instructions: string | null, 
/**
 * The site.
 */
site: Site, 
/**
 * In walking order, grouped by place.
 */
devices: Array<JobDevice>, 
/**
 * The job's own checklist.
 */
checklist: Array<CheckItem>, 
/**
 * When work began, RFC 3339.
 */
started_at: string | null, 
/**
 * When work ended, RFC 3339.
 */
ended_at: string | null, 
/**
 * What keeps the job from closing, in words; empty when it can close.
 */
before_close: Array<string>, 
/**
 * All gaps at the job.
 */
gaps: GapSummary | null, };
export type JobStatus = "scheduled" | "in_progress" | "completed" | "cancelled";
export type JustifyField = { 
/**
 * Which item.
 */
equipment_id: EquipmentId, 
/**
 * Which field.
 */
field_key: string, 
/**
 * `unreadable`, `inaccessible`, `not_present`; none takes the reason away.
 */
reason: string | null, };
export type Keep = "client" | "server" | "both";
export type Laptop = { 
/**
 * Its name.
 */
name: string, 
/**
 * Whose.
 */
user: string | null, 
/**
 * RFC 3339.
 */
last_seen_at: string | null, 
/**
 * Items it said it still held.
 */
unsent: number, 
/**
 * Silent for more than a day while its person had jobs.
 */
silent: boolean, };
export type LastReading = { 
/**
 * Of what.
 */
label: string, 
/**
 * The figure.
 */
value: string, 
/**
 * Its unit.
 */
unit: string | null, 
/**
 * `YYYY-MM-DD`.
 */
date: string, 
/**
 * At what visit.
 */
inspection_type: string, };
export type Limits = { 
/**
 * Lowest allowed.
 */
min: number | null, 
/**
 * Highest allowed.
 */
max: number | null, 
/**
 * Below it no gauge reads.
 */
impossible_min: number | null, 
/**
 * Above it no gauge reads.
 */
impossible_max: number | null, 
/**
 * Below it a person should look twice.
 */
suspicious_min: number | null, 
/**
 * Above it a person should look twice.
 */
suspicious_max: number | null, };
export type ListEquipment = { 
/**
 * In tag, serial, maker, model, place; look-alike letters forgiven.
 */
text: string | null, 
/**
 * Only one category.
 */
category: Category | null, 
/**
 * Only one site.
 */
location_id: LocationId | null, 
/**
 * Only those with missing fields.
 */
gaps_only: boolean, 
/**
 * At most; 200 if absent.
 */
limit: number | null, };
export type ListJobs = { 
/**
 * Only those of one state.
 */
status: JobStatus | null, 
/**
 * Only mine.
 */
mine: boolean, 
/**
 * In number, title, site, customer.
 */
text: string | null, 
/**
 * At most; 200 if absent.
 */
limit: number | null, };
export type ListWork = { 
/**
 * At most so many of each state, the oldest; 200 where nothing is said.
 */
limit: number | null, 
/**
 * This one in any case.
 */
also: string | null, };
export type LocationId = string;
export type LockedAway = { 
/**
 * When, RFC 3339.
 */
at: string, 
/**
 * Whose work.
 */
full_name: string, 
/**
 * The newest pack on this laptop; none where nothing was unsent.
 */
pack: RescueFile | null, 
/**
 * A new enrolment brings the work back as it was. Otherwise it begins anew, and the office opens the old one.
 */
comes_back: boolean, };
export type ModelId = string;
export type ModelSheet = { 
/**
 * Which.
 */
model_id: ModelId, 
/**
 * As the maker writes it.
 */
model_number: string, 
/**
 * Maker.
 */
manufacturer: string, 
/**
 * Trade name.
 */
product_name: string | null, 
/**
 * Its category.
 */
category: Category, 
/**
 * Electrical, pressure, temperature, flow, physical.
 */
specs: Array<SpecGroup>, 
/**
 * Between which values its own readings may lie, by label.
 */
limits: Array<SpecLimit>, 
/**
 * Years made.
 */
years: string | null, 
/**
 * The model that replaced it.
 */
replaced_by: ModelId | null, 
/**
 * Its number.
 */
replaced_by_number: string | null, 
/**
 * Words of care.
 */
maintenance_notes: string | null, 
/**
 * Where the figures are from.
 */
data_source: string | null, 
/**
 * 0 to 1.
 */
confidence: number | null, 
/**
 * Known problems, most frequent first.
 */
problems: Array<Problem>, 
/**
 * Installed in this mirror.
 */
in_our_care: number, 
/**
 * The maker's support line.
 */
support_phone: string | null, 
/**
 * The maker's page.
 */
website: string | null, };
export type Net = "unknown" | "online" | "not_reachable" | "refused";
export type NextDay = { 
/**
 * `YYYY-MM-DD`.
 */
date: string, 
/**
 * How many.
 */
jobs: number, };
export type NowJob = { 
/**
 * Its row.
 */
job: JobRow, 
/**
 * Street and city.
 */
address: string, 
/**
 * Notes worth reading before the door, one line each.
 */
notes: Array<string>, 
/**
 * Since when work goes on, RFC 3339.
 */
started_at: string | null, 
/**
 * Devices by category, in the order of the enum.
 */
devices: Array<CategoryProgress>, 
/**
 * The inspection to go on with.
 */
resume: Resume | null, };
export type OpenEquipment = { 
/**
 * Which.
 */
equipment_id: EquipmentId, };
export type OpenInspection = { 
/**
 * The job.
 */
job_id: JobId, 
/**
 * The item.
 */
equipment_id: EquipmentId, 
/**
 * Another template than the one that fits the job.
 */
template_id: string | null, 
/**
 * Amends a completed one.
 */
amends: InspectionId | null, };
export type OpenJob = { 
/**
 * Which.
 */
job_id: JobId, };
export type OpenModel = { 
/**
 * Which.
 */
model_id: ModelId, };
export type ParkedCard = { 
/**
 * Which.
 */
id: string, 
/**
 * "Inspection of E-14".
 */
title: string, 
/**
 * Whose work it is.
 */
author: string, 
/**
 * Why it waits.
 */
why: string, 
/**
 * RFC 3339.
 */
received_at: string, 
/**
 * What is in it, in lines.
 */
lines: Array<[string, string]>, 
/**
 * Already decided.
 */
decision: string | null, };
export type PhotoId = string;
export type PhotoProgress = { 
/**
 * The first of this sync is 1.
 */
number: number, 
/**
 * Photos of this sync, as far as known.
 */
of: number, 
/**
 * Of its bytes, those that the server has.
 */
bytes_done: number, 
/**
 * Its bytes.
 */
byte_count: number, };
export type PhotoState = "waiting" | "sending" | "on_server" | "remote" | "damaged";
export type PhotoTarget = { 
/**
 * The item.
 */
equipment_id: EquipmentId | null, 
/**
 * The job.
 */
job_id: JobId | null, 
/**
 * The inspection, draft or not.
 */
inspection_id: InspectionId | null, 
/**
 * What it is evidence of.
 */
field_key: string | null, 
/**
 * For a person.
 */
caption: string | null, };
export type PhotoTile = { 
/**
 * Which; shown as `photo://localhost/<id>` and `photo://localhost/<id>?size=thumb`.
 */
photo_id: PhotoId, 
/**
 * For a person.
 */
caption: string | null, 
/**
 * What it is evidence of: `photo`, `nameplate`, an item's key.
 */
field_key: string | null, 
/**
 * RFC 3339.
 */
taken_at: string | null, 
/**
 * Position that goes with it; shown before it is sent.
 */
position: [number, number] | null, 
/**
 * Where its bytes are.
 */
state: PhotoState, 
/**
 * Pixels.
 */
width: number, 
/**
 * Pixels.
 */
height: number, 
/**
 * Bytes.
 */
byte_count: number, };
export type PickPhotos = { 
/**
 * What they belong to.
 */
target: PhotoTarget, };
export type PlateField = { 
/**
 * `serial_number`, `components.belt_size`…
 */
field_key: string, 
/**
 * For a person.
 */
label: string, 
/**
 * The value.
 */
value: string | null, 
/**
 * Typed, scanned, confirmed today, carried over.
 */
source: string | null, 
/**
 * Required of this category.
 */
required: boolean, 
/**
 * Can be typed here (manufacturer and model of a catalogue model cannot).
 */
editable: boolean, 
/**
 * The reason it is not there.
 */
reason: string | null, 
/**
 * Where on the machine it is usually found.
 */
hint: string | null, };
export type Problem = { 
/**
 * What happens.
 */
description: string, 
/**
 * What is seen.
 */
symptoms: Array<string>, 
/**
 * Why.
 */
root_cause: string | null, 
/**
 * What helps.
 */
solution: string | null, 
/**
 * `problem_severity`.
 */
severity: string, 
/**
 * `problem_frequency`.
 */
frequency: string, 
/**
 * "5-10 years".
 */
typical_age_range: string | null, 
/**
 * Parts.
 */
related_parts: Array<string>, };
export type ProposedDeficiency = { 
/**
 * How grave.
 */
severity: Severity, 
/**
 * What is wrong.
 */
text: string, 
/**
 * What to do.
 */
action: string | null, };
export type Refused = { 
/**
 * Its name.
 */
name: string, 
/**
 * Why, and what to do.
 */
reason: string, };
export type RemovePhoto = { 
/**
 * Which.
 */
photo_id: PhotoId, };
export type RescueFile = { 
/**
 * Where it is.
 */
file: SavedFile, 
/**
 * RFC 3339.
 */
made_at: string, 
/**
 * Its size.
 */
byte_count: number, };
export type RescueMade = { 
/**
 * Where it is.
 */
file: SavedFile, 
/**
 * RFC 3339.
 */
made_at: string, 
/**
 * Its size.
 */
byte_count: number, 
/**
 * Saved changes in it.
 */
operations: number, 
/**
 * Drafts in it.
 */
drafts: number, 
/**
 * Photos in it.
 */
photos: number, 
/**
 * Photos whose bytes this laptop can no longer read.
 */
photos_lacking: number, };
export type RescueState = { 
/**
 * The company's recovery key is known here. It comes with the enrolment or with a sync.
 */
ready: boolean, 
/**
 * The newest one in the profile.
 */
last: RescueFile | null, 
/**
 * All that are kept there, newest first.
 */
kept: Array<RescueFile>, };
export type ResolveConflict = { 
/**
 * Which.
 */
conflict_id: ConflictId, 
/**
 * How.
 */
keep: Keep, 
/**
 * The text, where both are kept.
 */
value: string | null, };
export type RestoreBackup = { 
/**
 * Which, by its name in the list.
 */
name: string, };
export type RestoredBackup = { 
/**
 * The person, whose work is open again.
 */
session: Session, 
/**
 * RFC 3339: when the copy was taken.
 */
taken_at: string, 
/**
 * What was there before; its name brings it back.
 */
set_aside: SavedFile | null, 
/**
 * Saved changes of after the copy that no server has yet, taken over into it.
 */
operations: number, 
/**
 * Drafts of after the copy, taken over into it.
 */
drafts: number, };
export type Resume = { 
/**
 * The item.
 */
equipment_id: EquipmentId, 
/**
 * Its tag or name.
 */
tag: string, 
/**
 * "fire pump", "backflow"…
 */
what: string, 
/**
 * A draft exists.
 */
draft: boolean, };
export type Role = "technician" | "manager" | "admin" | "office_staff";
export type SaveInspection = { 
/**
 * Which.
 */
inspection_id: InspectionId, 
/**
 * All of it.
 */
body: DraftBody, };
export type SavedFile = { 
/**
 * Its name.
 */
name: string, 
/**
 * Where it lies, with its name.
 */
path: string, };
export type SavedInspection = { 
/**
 * RFC 3339.
 */
saved_at: string, 
/**
 * Every section judged again.
 */
sections: Array<Section>, 
/**
 * What keeps it from completion.
 */
before_complete: Array<string>, };
export type SearchSpecs = { 
/**
 * As typed.
 */
text: string, 
/**
 * Which models.
 */
within: SpecScope, 
/**
 * The site in front of the technician, for order and for `this_site`.
 */
location_id: LocationId | null, 
/**
 * At most; 50 if absent.
 */
limit: number | null, };
export type Section = { 
/**
 * For a person.
 */
title: string, 
/**
 * In order.
 */
items: Array<ItemSheet>, 
/**
 * Items answered, skipped ones included.
 */
answered: number, };
export type Session = { 
/**
 * Who.
 */
user_id: UserId, 
/**
 * Their name.
 */
full_name: string, 
/**
 * Their role.
 */
role: Role, 
/**
 * This profile.
 */
device_id: DeviceId, 
/**
 * The laptop's name.
 */
device_name: string, 
/**
 * The company's name.
 */
company: string, 
/**
 * The demo: no server at all.
 */
demo: boolean, 
/**
 * The date of work on this laptop, `YYYY-MM-DD`.
 */
today: string, };
export type Severity = "recommendation" | "noncritical" | "critical" | "impairment";
export type Side = "server" | "client";
export type SignedOut = { 
/**
 * Whose work it is.
 */
full_name: string, 
/**
 * It is the demo: there is nothing to come back to.
 */
demo: boolean, 
/**
 * What was not on the server, sealed for the office; it stays on this laptop. None where all was sent.
 */
pack: RescueMade | null, };
export type Site = { 
/**
 * Which.
 */
location_id: LocationId, 
/**
 * Its name.
 */
name: string, 
/**
 * Street and city.
 */
address: string, 
/**
 * Whom to call before touching anything; stays on top.
 */
safety_note: string | null, 
/**
 * One line each.
 */
access_notes: Array<string>, 
/**
 * Contact at the site.
 */
contact: string | null, 
/**
 * Their number.
 */
contact_phone: string | null, };
export type SiteCompleteness = { 
/**
 * Which.
 */
location_id: LocationId, 
/**
 * Its name.
 */
name: string, 
/**
 * Its fields.
 */
count: CaptureCount, 
/**
 * Captured and justified, of required.
 */
percentage: number, };
export type SpecGroup = { 
/**
 * "Electrical".
 */
title: string, 
/**
 * Label and value with unit.
 */
lines: Array<[string, string]>, };
export type SpecLimit = { 
/**
 * The reading, as templates name it.
 */
item_key: string, 
/**
 * For a person.
 */
label: string, 
/**
 * "110 to 154 psi"; outside it the reading fails.
 */
allowed: string | null, 
/**
 * Outside it a person looks twice.
 */
likely: string | null, 
/**
 * Outside it the gauge or the person is wrong.
 */
possible: string | null, 
/**
 * Who says so.
 */
source: string, };
export type SpecScope = "all" | "in_our_care" | "this_site";
export type SpecsFound = { 
/**
 * How the text was read, look-alikes folded.
 */
read_as: string, 
/**
 * Best first.
 */
models: Array<FoundModel>, 
/**
 * Counts for the three filters.
 */
all: number, 
/**
 * Counts for the three filters.
 */
in_our_care: number, 
/**
 * Counts for the three filters.
 */
this_site: number, 
/**
 * Models in this mirror.
 */
catalogue: number, 
/**
 * The catalogue still comes in: percent.
 */
still_coming: number | null, };
export type Start = { 
/**
 * Which screen comes first.
 */
state: StartState, 
/**
 * The person, where a profile is open.
 */
session: Session | null, 
/**
 * Encryption, keyring, disk, clock.
 */
checks: Array<Check>, 
/**
 * The name this laptop would get.
 */
suggested_device_name: string, 
/**
 * Locked work opens with a passphrase; otherwise this laptop's keyring opens it when it is asked to.
 */
passphrase: boolean, 
/**
 * The store was damaged, kept aside and rebuilt: what to tell the person.
 */
notice: string | null, 
/**
 * The office ended this laptop's access, and its work was locked.
 */
revoked: LockedAway | null, 
/**
 * The person signed out, and can still undo it.
 */
signed_out: SignedOut | null, };
export type StartState = "fresh" | "locked" | "open" | "revoked" | "signed_out";
export type SyncStatus = { 
/**
 * The network, as far as known.
 */
net: Net, 
/**
 * The technician chose to work offline.
 */
work_offline: boolean, 
/**
 * Things only on this laptop: inspections, drafts, fields, photos, as a person counts them.
 */
only_here: number, 
/**
 * Of these, on their way.
 */
sending: number, 
/**
 * Photos whose bytes the server lacks.
 */
photos_waiting: number, 
/**
 * Their bytes.
 */
photo_bytes_waiting: number, 
/**
 * Conflicts, parked and rejected.
 */
needs_you: number, 
/**
 * Everything the program was given is durable in database and spool, and no save is under way. What is typed
 * and was not given yet, only the window knows.
 */
safe_to_close: boolean, 
/**
 * The photo that goes up now.
 */
photo: PhotoProgress | null, 
/**
 * The person stopped the photos: work goes on, and they wait until the person sends them.
 */
photos_held: boolean, 
/**
 * Operations the server confirmed in the last seven days.
 */
on_server_week: number, 
/**
 * Photos the server confirmed in the last seven days.
 */
photos_on_server_week: number, 
/**
 * RFC 3339.
 */
oldest_unsent_at: string | null, 
/**
 * RFC 3339: the last receipt.
 */
last_receipt_at: string | null, 
/**
 * RFC 3339: the last sync that ended well.
 */
last_success_at: string | null, 
/**
 * Why the last attempt did not, for a person.
 */
last_problem: Failure | null, 
/**
 * The first sync, while it goes on.
 */
first_sync: FirstSync | null, 
/**
 * The lane that moves now.
 */
activity: Activity, 
/**
 * Server clock minus laptop clock, in milliseconds.
 */
clock_offset_ms: number | null, 
/**
 * There is no server: the demo.
 */
demo: boolean, };
export type TakenIn = { 
/**
 * Pictures kept.
 */
kept: Array<PhotoTile>, 
/**
 * Files refused, each with a sentence.
 */
refused: Array<Refused>, };
export type TechnicianCompleteness = { 
/**
 * Who.
 */
user_id: UserId, 
/**
 * Their name.
 */
name: string, 
/**
 * How many logs.
 */
logs: number, 
/**
 * Median of `completion_percentage`.
 */
median: number | null, 
/**
 * Lower and upper quartile.
 */
quartiles: [number, number] | null, };
export type TemplateChoice = { 
/**
 * Which.
 */
template_id: string, 
/**
 * For a person.
 */
name: string, 
/**
 * The one in use.
 */
current: boolean, };
export type Today = { 
/**
 * `YYYY-MM-DD`.
 */
date: string, 
/**
 * The job in progress, or the next one.
 */
now: NowJob | null, 
/**
 * The rest of today's jobs.
 */
later: Array<JobRow>, 
/**
 * The next working day with jobs.
 */
next_day: NextDay | null, 
/**
 * What exists only on this laptop, most recent first, at most six.
 */
only_here: Array<WorkItem>, 
/**
 * What needs a person, most pressing first.
 */
needs_you: Array<WorkItem>, 
/**
 * Missing fields at the site of `now`, in words.
 */
gaps_here: GapSummary | null, 
/**
 * The light at the top right.
 */
sync: SyncStatus, };
export type TopGap = { 
/**
 * Which field.
 */
field_key: string, 
/**
 * For a person.
 */
label: string, 
/**
 * On what.
 */
category: Category, 
/**
 * How many are missing.
 */
missing: number, };
export type TrendPoint = { 
/**
 * `YYYY-MM`.
 */
month: string, 
/**
 * Mean of `completion_percentage`.
 */
percentage: number, 
/**
 * How many logs.
 */
logs: number, };
export type Unlock = { 
/**
 * As set at enrolment; empty where the keyring is to open it.
 */
passphrase: string, };
export type UserId = string;
export type Verdict = "not_read_yet" | "in_limits" | "suspicious" | "out_low" | "out_high" | "impossible";
export type Visit = { 
/**
 * Which.
 */
inspection_id: InspectionId, 
/**
 * `YYYY-MM-DD`.
 */
date: string, 
/**
 * What was done.
 */
inspection_type: string, 
/**
 * How it ended.
 */
passed: boolean | null, 
/**
 * In one sentence.
 */
summary: string, 
/**
 * Who.
 */
inspector: string | null, 
/**
 * Only on this laptop.
 */
saved_here: boolean, 
/**
 * It amends another.
 */
amends: InspectionId | null, };
export type WorkAction = "retry" | "hand_to_office" | "edit" | "export" | "withdraw";
export type WorkItem = { 
/**
 * The operation, draft or photo.
 */
id: string, 
/**
 * What sort of thing.
 */
kind: WorkKind, 
/**
 * "FP-1 annual flow test".
 */
title: string, 
/**
 * "41 readings, 1 out of limits".
 */
detail: string, 
/**
 * Where it is.
 */
state: WorkState, 
/**
 * RFC 3339.
 */
saved_at: string, 
/**
 * Why, where it needs a person.
 */
reason: string | null, 
/**
 * What can be done.
 */
actions: Array<WorkAction>, 
/**
 * Where to go.
 */
job_id: JobId | null, 
/**
 * Where to go.
 */
equipment_id: EquipmentId | null, };
export type WorkKind = "draft" | "inspection" | "equipment" | "job" | "capture_log" | "photo" | "decision" | "other";
export type WorkList = { 
/**
 * Newest first.
 */
items: Array<WorkItem>, 
/**
 * So many more are saved on this laptop.
 */
more: number, };
export type WorkOffline = { 
/**
 * Off the network.
 */
offline: boolean, };
export type WorkState = "saved" | "sending" | "on_server" | "photo_waiting" | "needs_you" | "parked" | "conflict" | "sealed";

/** Every command: its request and its answer. */
export type Commands = {
  start: [Empty, Start];
  try_demo: [Empty, Session];
  enroll: [Enroll, Session];
  unlock: [Unlock, Session];
  lock: [Empty, Start];
  sign_out: [Empty, Start];
  close_window: [CloseWindow, Empty];
  today: [Empty, Today];
  list_jobs: [ListJobs, Array<JobRow>];
  open_job: [OpenJob, JobSheet];
  start_job: [OpenJob, JobSheet];
  check_job_item: [CheckJobItem, JobSheet];
  complete_job: [CompleteJob, JobSheet];
  list_equipment: [ListEquipment, Array<EquipmentRow>];
  open_equipment: [OpenEquipment, EquipmentSheet];
  capture_field: [CaptureField, EquipmentSheet];
  justify_field: [JustifyField, EquipmentSheet];
  add_equipment: [AddEquipment, EquipmentSheet];
  open_inspection: [OpenInspection, InspectionSheet];
  save_inspection: [SaveInspection, SavedInspection];
  complete_inspection: [CompleteInspection, CompletedInspection];
  pick_photos: [PickPhotos, TakenIn];
  add_photo: [AddPhoto, TakenIn];
  caption_photo: [CaptionPhoto, PhotoTile];
  remove_photo: [RemovePhoto, Empty];
  search_specs: [SearchSpecs, SpecsFound];
  open_model: [OpenModel, ModelSheet];
  completeness: [CompletenessFilter, Completeness];
  drill_completeness: [Drill, Array<DrillRow>];
  export_completeness: [CompletenessFilter, Csv];
  sync_status: [Empty, SyncStatus];
  sync_now: [Empty, SyncStatus];
  work_offline: [WorkOffline, SyncStatus];
  hold_photos: [HoldPhotos, SyncStatus];
  check_server: [Empty, Checked];
  list_backups: [Empty, Array<Backup>];
  restore_backup: [RestoreBackup, RestoredBackup];
  rescue_state: [Empty, RescueState];
  make_rescue: [Empty, RescueMade];
  list_work: [ListWork, WorkList];
  act_on_work: [ActOnWork, ActedOnWork];
  list_conflicts: [Empty, Array<ConflictCard>];
  resolve_conflict: [ResolveConflict, Array<ConflictCard>];
  list_parked: [Empty, Array<ParkedCard>];
  decide_parked: [DecideParked, Array<ParkedCard>];
};
