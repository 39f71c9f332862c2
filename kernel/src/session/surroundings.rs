//! What must be set up before this process has a second thread: the session's folder, and the environment in which
//! evcxr and rust-analyzer find it and the template's tools.

use std::ffi::OsString;

use super::folder::Folder;
use crate::error::Result;
use crate::sys::sockets::Listener;
use crate::template::{self, Plan};
use crate::{runtime, sys};

/// Where this is set, cells are plain evcxr: without the helper crate, and so without libtorch.
const PLAIN: &str = "HERBARIUM_PLAIN";

/// What a session starts with.
pub struct Surroundings {
    /// Where the program's output arrives; taken by the thread that listens.
    pub listener: Option<Listener>,
    /// The template that cells are compiled with; `None` where they are plain evcxr.
    pub plan: Option<Plan>,
}

/// Makes the session's folder and sets the environment.
///
/// # Safety
/// This process has one thread.
pub unsafe fn settle(folder: &Folder) -> Result<Surroundings> {
    let (listener, elsewhere) = folder.create()?;
    let plan = match std::env::var_os(PLAIN) {
        Some(_) => None,
        None => Some(Plan::make()?),
    };
    template::outside::remember();
    let mut variables: Vec<(&str, OsString)> = vec![(runtime::OUTPUT, folder.socket().into())];
    variables.extend(elsewhere.map(|place| ("TMPDIR", place.into())));
    let of_template = plan.iter().flat_map(Plan::variables);
    variables.extend(of_template.map(|(name, value)| (name, value.into())));
    for (name, value) in variables {
        // SAFETY: as this function's caller says.
        unsafe { sys::set_env(name, value) };
    }
    Ok(Surroundings { listener: Some(listener), plan })
}
