//! is_complete: whether a console should run a text or let its user go on.

use jupyter_protocol::IsCompleteReply;

use crate::syntax::{Completeness, completeness};

pub fn reply(code: &str) -> IsCompleteReply {
    if super::pager::question(code).is_some() {
        return IsCompleteReply::complete();
    }
    match completeness(code) {
        Completeness::Complete => IsCompleteReply::complete(),
        Completeness::Incomplete(indent) => IsCompleteReply::incomplete(indent),
        Completeness::Invalid => IsCompleteReply::invalid(),
    }
}
