//! How complete the captured data is: the page, the rows behind its numbers, the table for a spreadsheet.

mod drill;
mod export;
mod page;
mod survey;
