//! Fetching pretrained weights from a server that stands in for torchvision's.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use herbarium::models::{Pretrained, initialize_model};
use herbarium::weights;
use tch::Device;

use super::server::{Answer, Server};
use super::{Folder, Outcome, ROLE, is_child};

/// What the child processes are asked to do: `weights::download`, then whether it was found.
fn fetch() -> Outcome {
    match weights::download("squeezenet1_1") {
        Ok(got) => println!("\ngot {} bytes, {} fetched: {}", got.length, got.fetched, got.path.display()),
        Err(error) => println!("\nrefused: {error}"),
    }
    println!("found: {:?}", weights::find("squeezenet1_1"));
    Ok(())
}

fn in_child(folder: &Folder, variables: &[(&str, &str)]) -> Result<String, Box<dyn std::error::Error>> {
    let output = Command::new(std::env::current_exe()?)
        .args(["catalog::weights_come_from_a_mirror_into_the_cache", "--exact", "--nocapture"])
        .env(ROLE, "child")
        .env_remove("HERBARIUM_WEIGHTS")
        .env("XDG_CACHE_HOME", folder.file("cache"))
        .envs(variables.iter().copied())
        .output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
fn weights_come_from_a_mirror_into_the_cache() -> Outcome {
    if is_child() {
        return fetch();
    }
    let folder = Folder::new("catalog")?;
    // The right file cannot be made: its SHA-256 begins with b8a52dc0. So a wrong one must be refused.
    let server = Server::new(vec![7; 5000], None, vec![Answer::Well]);
    let mirror = server.url("models/");
    let told = in_child(&folder, &[("HERBARIUM_WEIGHTS_URL", mirror.as_str())])?;
    let url = server.url("models/squeezenet1_1-b8a52dc0.pth");
    assert!(told.contains(&format!("Downloading: \"{url}\" to ")), "{told}");
    assert!(told.contains("refused:") && told.contains("and should be b8a52dc0"), "{told}");
    assert!(told.contains("found: None"), "{told}");
    let cache = folder.file("cache/herbarium/weights");
    assert_eq!(std::fs::read_dir(&cache)?.count(), 0, "nothing stays");
    // A file that is much longer than torchvision's is refused before it is fetched.
    let long = Server::new(Vec::new(), None, vec![Answer::Announces(50_000_000)]);
    let told = in_child(&folder, &[("HERBARIUM_WEIGHTS_URL", long.url("m").as_str())])?;
    assert!(told.contains("it is another file"), "{told}");

    let offline = in_child(&folder, &[("HERBARIUM_OFFLINE", "1")])?;
    let to = cache.join("squeezenet1_1-b8a52dc0.pth");
    assert!(
        offline.contains("HERBARIUM_OFFLINE is set") && offline.contains(&*to.to_string_lossy()),
        "{offline}"
    );
    assert!(offline.contains("https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth"), "{offline}");
    Ok(())
}

/// What the child processes of the tests below do: the tutorial's `initialize_model`, twice.
fn initialize() -> Outcome {
    herbarium::notebook::init()?;
    println!("\nbegun");
    for _ in 0..2 {
        match initialize_model("squeezenet1_1", 3, Pretrained::Yes, Device::Cpu) {
            Ok(model) => println!("\nstarted from: {}", model.started_from()),
            Err(error) => println!("\nerror: {error}"),
        }
    }
    Ok(())
}

fn initializing(folder: &Folder, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this test's program"));
    command
        .args(["catalog::pretrained_yes_takes_the_next_where_there_is_no_network", "--exact", "--nocapture"])
        .env(ROLE, "child")
        .env_remove("HERBARIUM_WEIGHTS")
        .env_remove("HERBARIUM_OFFLINE")
        .env("XDG_CACHE_HOME", folder.file("cache"))
        .envs(variables.iter().copied());
    command
}

#[test]
fn pretrained_yes_takes_the_next_where_there_is_no_network() -> Outcome {
    if is_child() {
        return initialize();
    }
    let folder = Folder::new("pretrained-yes")?;
    let silent = Server::new(vec![7; 5000], None, vec![Answer::Silent]);
    let other = Server::new(vec![7; 5000], None, vec![Answer::Well]);
    let busy = Server::new(vec![7; 5000], None, vec![Answer::Status(503, "Retry-After: 30\r\n")]);
    let nobody = "http://127.0.0.1:9/models".to_owned();
    let cache = folder.file("cache/herbarium/weights");
    for (mirror, reason, shown) in [
        (silent.url("models"), "the server does not answer", false),
        (nobody, "no connection", false),
        (busy.url("models"), "HTTP 503", false),
        (other.url("models"), "and should be b8a52dc0", true),
    ] {
        let output = initializing(&folder, &[("HERBARIUM_WEIGHTS_URL", mirror.as_str())]).output()?;
        let told = String::from_utf8(output.stdout)?;
        let lines: Vec<&str> = told.lines().filter(|line| line.contains("cannot be fetched")).collect();
        // One line for each of the two, and nothing else that speaks of a download before there is one.
        assert_eq!(lines.len(), 2, "{mirror}: {told}");
        assert_eq!(told.contains("Downloading: "), shown, "{told}");
        for part in [reason, "run this again with a network", "; starting from ", &*cache.to_string_lossy()] {
            assert!(lines.iter().all(|line| line.contains(part)), "{part}: {told}");
        }
        assert!(lines[0].contains(&format!("{mirror}/squeezenet1_1-b8a52dc0.pth")), "{told}");
        assert_eq!(told.matches("started from: ").count(), 2, "{told}");
    }
    assert_eq!(std::fs::read_dir(&cache)?.count(), 0, "nothing stays");

    let told = String::from_utf8(initializing(&folder, &[("HERBARIUM_OFFLINE", "1")]).output()?.stdout)?;
    assert_eq!(
        told.matches("HERBARIUM_OFFLINE is set (unset it, or put squeezenet1_1-b8a52dc0.pth").count(),
        2
    );
    assert!(!told.contains("fetched"), "{told}");
    Ok(())
}

#[test]
fn the_stop_button_ends_the_wait_for_a_server() -> Outcome {
    let folder = Folder::new("pretrained-stop")?;
    let server = Server::new(vec![7; 5000], None, vec![Answer::Silent]);
    let mirror = server.url("models");
    let variables = [("HERBARIUM_WEIGHTS_URL", mirror.as_str()), ("HERBARIUM_KERNEL", "1")];
    let mut child = initializing(&folder, &variables).stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines().map_while(Result::ok);
    lines.find(|line| line == "begun").ok_or("the child did not begin")?;
    while server.ranges().is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
    let first = lines.find(|line| line.starts_with("error: ") || line.starts_with("started from: "));
    assert_eq!(first.as_deref(), Some("error: interrupted"));
    child.wait()?;
    Ok(())
}
