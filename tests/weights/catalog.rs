//! Fetching pretrained weights from a server that stands in for torchvision's.

use std::process::Command;

use herbarium::weights;

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
