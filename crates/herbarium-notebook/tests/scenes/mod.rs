//! A test that runs itself as a child process in each host's environment, and reads the child's standard output byte for byte.
//! The test file has a test `scenes` that calls [`play`].

use std::process::{Command, Output};

use serde_json::{Value, json};

pub const KERNEL: [(&str, &str); 2] = [("HERBARIUM_KERNEL", "1"), ("EVCXR_IS_RUNTIME", "1")];
#[allow(dead_code)]
pub const EVCXR: [(&str, &str); 1] = [("EVCXR_IS_RUNTIME", "1")];
#[allow(dead_code)]
pub const PLAIN: [(&str, &str); 0] = [];

/// In a child process, plays its scene; does nothing in the test's own process.
pub fn play(scene: impl Fn(&str)) {
    let Ok(name) = std::env::var("SCENE") else { return };
    println!("\nBEGIN");
    scene(&name);
    println!("END");
}

/// A child that plays a scene.
pub fn child(scene: &str, environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "scenes", "--nocapture", "--test-threads=1"]).env("SCENE", scene);
    command.env_remove("HERBARIUM_KERNEL").env_remove("EVCXR_IS_RUNTIME");
    command.envs(environment.iter().copied());
    command
}

/// What a scene wrote to standard output.
pub fn told(scene: &str, environment: &[(&str, &str)]) -> String {
    let Output { stdout, stderr, .. } = child(scene, environment).output().unwrap();
    let text = String::from_utf8(stdout).unwrap();
    let told = text.split_once("BEGIN\n").and_then(|(_, rest)| rest.rsplit_once("END\n"));
    let told = told.unwrap_or_else(|| panic!("{text}\n{}", String::from_utf8_lossy(&stderr)));
    told.0.to_string()
}

/// The texts of the values that a scene shows as last expressions, each of which must be plain text.
#[allow(dead_code)]
pub fn shown_texts(scene: &str) -> Vec<String> {
    let text = |message: &Value| {
        assert_eq!((&message["type"], &message["metadata"]), (&json!("result"), &json!({})));
        message["data"]["text/plain"].as_str().unwrap().to_string()
    };
    messages(scene).iter().map(text).collect()
}

/// The messages in a scene's output, which must hold nothing else.
pub fn messages(scene: &str) -> Vec<Value> {
    let text = told(scene, &KERNEL);
    let message = |line: &str| {
        let json = line.strip_prefix("\u{1e}herbarium ").unwrap_or_else(|| panic!("not a message: {line:?}"));
        serde_json::from_str(json).unwrap()
    };
    text.lines().map(message).collect()
}
