//! Taking back something new with all that hangs on it.

use clara_domain::OpId;
use clara_domain::operation::OpKind;

use crate::error::MirrorError;
use crate::outbox::{self, OpState};
use crate::write::WriteTx;

impl WriteTx<'_, '_> {
    /// As [`WriteTx::withdraw`]. With a new row goes what was saved along with it and names it: its place on a job, the mark
    /// on the item that it stands in for. Left behind, the server would refuse it for lack of the row.
    ///
    /// # Errors
    /// As [`WriteTx::withdraw`].
    pub fn withdraw_whole(&mut self, op_id: OpId) -> Result<(), MirrorError> {
        let Some(entry) = outbox::get(self.tx.connection, op_id)? else { return self.withdraw(op_id) };
        if entry.operation.kind == OpKind::Insert {
            let name = entry.operation.row_id.to_string();
            let (root, after) = (entry.operation.root_id, entry.operation.seq + 1);
            let later = outbox::of_root_from(self.tx.connection, root, after)?.into_iter().rev();
            for one in later.filter(|one| one.operation.row_id != entry.operation.row_id) {
                let never_sent = one.state == OpState::Pending && one.attempts == 0;
                let names_it = one.operation.new.values().any(|value| value.as_str() == Some(&name));
                if names_it && (never_sent || one.state == OpState::Rejected) {
                    self.withdraw(one.operation.op_id)?;
                }
            }
        }
        self.withdraw(op_id)
    }
}
