//! What concerns a whole process: output, a full disk, interrupts, kills, the seed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use fastrand::Rng;

use crate::checkpoints::{claim, save_some};
use crate::child::{child, child_says};
use crate::support::{Outcome, TempDir};

#[test]
fn prints_the_tutorials_lines() -> Outcome {
    let output = child("prints").output()?;
    let text = String::from_utf8(output.stdout)?;
    assert!(output.status.success(), "{text}");
    let start = text.find("Epoch 0/1\n").ok_or(format!("no first line: {text}"))?;
    // Digits become #, and the times, of one or two digits, a single one.
    let shape = |text: &str| {
        let digits = text.replace(|c: char| c.is_ascii_digit(), "#");
        digits.replace("##s\n", "#s\n").replace("##m ", "#m ")
    };
    let epoch = "Epoch #/#\n----------\nTime elapsed #m #s\ntrain Loss: #.#### Acc: #.####\n\
                 Time elapsed #m #s\nvalid Loss: #.#### Acc: #.####\nOptimizer learning rate : #.#######\n\n";
    let expected = format!("{epoch}{epoch}Training complete in #m #s\nBest val Acc: #.######\n");
    assert!(shape(&text[start..]).starts_with(&expected), "{}", &text[start..]);
    assert!(text.contains("Optimizer learning rate : 0.0100000\n"));
    Ok(())
}

/// A limit on the size of files stands in for a full disk: writing beyond it fails.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_nothing() -> Outcome {
    let folder = TempDir::new();
    let path = folder.file("best.safetensors");
    save_some(&path, 0.0)?;
    claim(&path, 0.01)?;
    let before = fs::read(&path)?;
    let child = child("has-a-full-disk");
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 2000; exec \"$0\" \"$@\""])
        .arg(child.get_program())
        .args(child.get_args())
        .env("HERBARIUM_TEST_CHECKPOINT", &path)
        .output()?;
    let text = String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?;
    assert!(output.status.success(), "{text}");
    assert!(text.contains("full disk: refused"), "{text}");
    assert!(fs::read(&path)? == before, "the earlier checkpoint has changed");
    assert_eq!(folder.names(), ["best.safetensors"], "something is left");
    Ok(())
}

/// Under the kernel a press of the stop button is a SIGINT.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_keeps_what_there_is() -> Outcome {
    let mut child = child("is-interrupted");
    let mut child = child.env("HERBARIUM_KERNEL", "1").stdout(Stdio::piped()).spawn()?;
    let (mut text, mut pressed) = (String::new(), false);
    for line in BufReader::new(child.stdout.take().ok_or("no output")?).lines() {
        let line = line?;
        // There the lines are the text form of what is shown.
        if line.contains("Epoch 1/") && !pressed {
            pressed = true;
            assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status()?.success());
        }
        text += &(line + "\n");
    }
    assert!(child.wait()?.success(), "{text}");
    assert!(text.contains("history: interrupted"), "{text}");
    Ok(())
}

/// The process is killed a hundred times at random moments and restarted; the result is that of an
/// undisturbed training, to the bit.
#[cfg(target_os = "linux")]
#[test]
fn a_training_survives_a_hundred_kills() -> Outcome {
    let folder = TempDir::new();
    let state = folder.file("run.state.safetensors");
    let mut chance = Rng::with_seed(9);
    let (mut kills, mut resumed, mut finished) = (0, 0, 0);
    while kills < 100 {
        let mut child = child("is-killed")
            .env("HERBARIUM_TEST_STATE", &state)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        // From the first line on it trains, for some tens of milliseconds: the moment is anywhere in it.
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let from = lines.by_ref().map_while(Result::ok).find(|line| line.starts_with("begins"));
        let from = from.ok_or("the child did not begin")?;
        resumed += usize::from(from != "begins anew");
        std::thread::sleep(std::time::Duration::from_micros(chance.u64(0..60_000)));
        child.kill()?;
        kills += 1;
        finished += usize::from(child.wait()?.success());
        if finished > 0 && kills % 10 == 0 {
            // A new training, so that every kill meets one that runs.
            fs::remove_file(&state)?;
            finished = 0;
        }
        // Whatever the moment, what is in the folder is whole or left by nobody for long.
        if state.exists() {
            herbarium::weights::load_safetensors(&state)?;
        }
    }
    println!("{resumed} of 100 kills were followed by a training that went on");
    assert!(resumed > 10, "{resumed}");
    // Each in a separate process, whose seed no other test uses.
    let result = |with: Option<&Path>| -> Result<String, Box<dyn std::error::Error>> {
        let mut child = child("is-killed");
        child.envs(with.map(|path| ("HERBARIUM_TEST_STATE", path)));
        let text = String::from_utf8(child.output()?.stdout)?;
        let line = text.lines().find(|line| line.starts_with("result: ")).ok_or(text.clone())?;
        Ok(line.to_owned())
    };
    let undisturbed = result(None)?;
    assert_eq!(result(Some(&state))?, undisturbed);
    // What is complete is not trained again.
    let before = fs::metadata(&state)?.modified()?;
    assert_eq!(result(Some(&state))?, undisturbed);
    assert_eq!(fs::metadata(&state)?.modified()?, before);
    Ok(())
}

/// In a separate process: the seed belongs to the process.
#[test]
fn a_seed_repeats_everything() -> Outcome {
    child_says("is-seeded", "seeds: repeated")
}

/// Other numbers than float32 for frozen layers change nothing but the speed.
#[test]
fn what_is_computed_faster_learns_the_same() -> Outcome {
    child_says("computes-faster", "losses: the same")
}
