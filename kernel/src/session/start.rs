//! Starting evcxr.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use evcxr::{CommandContext, EvalContext};

use super::Shared;
use super::folder::Folder;
use super::gpu;
use super::habits::Hints;
use crate::error::{Error, Result};
use crate::template::{self, Helper, Plan};
use crate::{runtime, sys, toolchain};

/// evcxr, started.
pub struct Started {
    pub context: CommandContext,
    /// The cell to run first.
    pub preload: String,
    /// What the helper crate says of habits.
    pub hints: Hints,
    /// The cargo that cells are compiled by, if they have the crate.
    pub cargo: Option<PathBuf>,
    /// evcxr need not find out the types of variables.
    pub tells_types: bool,
    /// Held open while the session lives, so that the template is not removed.
    pub hold: Option<File>,
}

/// Starts evcxr in the kernel's folder, with the template's compilers where there is one.
pub fn start_evcxr(folder: &Folder, plan: Option<&Plan>, shared: &Shared) -> Result<Started> {
    let template = plan.map(|plan| prepare_template(plan, shared)).transpose()?;
    let program = std::env::current_exe().map_err(Error::system("this program's own path"))?;
    let working_folder = std::env::current_dir().map_err(Error::system("the working folder"))?;
    let mut command = Command::new(program);
    command
        .env(runtime::ROLE, runtime::FORWARDER)
        .env(runtime::OUTPUT, folder.socket())
        .env(runtime::KERNEL, "1")
        .env(runtime::PARENT, std::process::id().to_string())
        .current_dir(&working_folder);
    // A Ctrl-C in the terminal is for the kernel, which passes it on.
    sys::in_own_group(&mut command);
    for (name, value) in template.iter().flat_map(|template| template.variables_of_cells()) {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.envs(gpu::of_rank().map(|gpu| ("CUDA_VISIBLE_DEVICES", gpu)));
    if let Ok(backtrace) = std::env::var("RUST_BACKTRACE") {
        command.env(runtime::BACKTRACE, backtrace);
    }
    // evcxr reads its configuration from the working folder, once.
    std::env::set_current_dir(folder.cells()?).map_err(Error::system("entering the kernel's folder"))?;
    let context = EvalContext::with_subprocess_command(command);
    std::env::set_current_dir(&working_folder).map_err(Error::system("returning to the working folder"))?;
    let (context, _outputs) = context.map_err(|error| {
        // An old rustc's error message does not name the real reason.
        Error::Start(toolchain::check_installed().err().unwrap_or_else(|| error.to_string()))
    })?;
    let preload = template.as_ref().map(|template| template.recipe.prelude.clone()).unwrap_or_default();
    let hints = plan.map(hints).transpose()?.unwrap_or_default();
    let mut context = CommandContext::with_eval_context(context);
    if template.is_none() {
        compile_through_this_program(&mut context)?;
    }
    let cargo = template.as_ref().map(|template| template.plan.path.join("bin/cargo"));
    let tells_types = template.as_ref().is_some_and(|template| template.recipe.tells_types);
    let hold = template.and_then(|template| template.hold);
    Ok(Started { context, preload, hints, cargo, tells_types, hold })
}

/// Has cargo call this program in rustc's place.
fn compile_through_this_program(context: &mut CommandContext) -> Result<()> {
    const WRAPPER: &str = "RUSTC_WRAPPER";
    let program = std::env::current_exe().map_err(Error::system("this program's own path"))?;
    let mut variables =
        vec![(WRAPPER, program.display().to_string()), (runtime::ROLE, runtime::RUSTC.to_owned())];
    if let Ok(next) = std::env::var(WRAPPER) {
        variables.push((runtime::question::NEXT_WRAPPER, next));
    }
    for (name, value) in variables {
        let set = context.execute(&format!(":build_env {name}={value}"));
        set.map_err(|error| Error::Start(error.to_string()))?;
    }
    Ok(())
}

/// The template, built now if it is not there; the cell that waits shows what is being compiled, and may be stopped.
fn prepare_template(plan: &Plan, shared: &Shared) -> Result<template::Template> {
    let mut progress = |line: &str| {
        log::info!("{line}");
        shared.collector.building(line);
    };
    shared.control.set_building(true);
    let template = template::prepare(plan, &mut progress, &|| shared.control.interrupted().times > 0);
    shared.control.set_building(false);
    template
}

/// The hints of the helper crate, if it has any.
fn hints(plan: &Plan) -> Result<Hints> {
    let file = Helper::read(&plan.location.crate_folder)?.hints;
    file.map_or_else(|| Ok(Hints::default()), |file| Hints::read(&file))
}

/// What a panic says.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").to_owned()
}
