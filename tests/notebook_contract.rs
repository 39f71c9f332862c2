//! The contract between a cell and its kernel, seen from outside: this test runs itself as a child
//! process with each host's environment and reads the child's standard output byte for byte.

use std::process::{Command, Output};

use herbarium::notebook;
use herbarium::prelude::*;

/// Runs one of the scenes below in a child with the given environment variable.
fn child(scene: &str, environment: Option<(&str, &str)>) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "scenes", "--nocapture", "--test-threads=1"]).env("SCENE", scene);
    command.env_remove("HERBARIUM_KERNEL").env_remove("EVCXR_IS_RUNTIME");
    command.envs(environment);
    command.output().unwrap()
}

#[test]
fn scenes() {
    match std::env::var("SCENE").as_deref() {
        Ok("last values") => last_values(),
        _ => {}
    }
}

#[allow(clippy::unit_arg, clippy::needless_borrow)]
fn last_values() {
    let tensor = tch::Tensor::from_slice(&[1.0f32, -2.0, 0.5]);
    let names: Vec<String> = (1..=12).map(|n| n.to_string()).collect();
    (tensor).evcxr_display();
    (&tensor).evcxr_display();
    (tensor.size()).evcxr_display();
    (names).evcxr_display();
    (names[0]).evcxr_display();
    (*names[0]).evcxr_display();
    (names[0..2]).evcxr_display();
    (&&names[0..2]).evcxr_display();
    (1 + 2).evcxr_display();
    (0.5).evcxr_display();
    ("str").evcxr_display();
    (()).evcxr_display();
    (println!("hi")).evcxr_display();
    (vec![tensor.shallow_clone()]).evcxr_display();
    (Some(tensor.shallow_clone())).evcxr_display();
    (tensor.f_reshape([7])).evcxr_display();
    (std::rc::Rc::new(5)).evcxr_display();
    (MimeBundle::text("x")).evcxr_display();
    (names.iter().max()).evcxr_display();
}

#[test]
fn show() {
    let out = child("last values", Some(("HERBARIUM_KERNEL", "1")));
    println!("{}", String::from_utf8_lossy(&out.stdout));
    let _ = notebook::interrupted();
}
