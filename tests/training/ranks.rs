//! Trainings on several processes, each of them one of `tests/support/children`.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::child::child;
use crate::support::TempDir;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// What a rank has said, and how it ended.
struct Ended {
    success: bool,
    out: String,
    err: String,
}

impl Ended {
    fn of(child: Child) -> Outcome<Ended> {
        let output = child.wait_with_output()?;
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Ok(Ended { success: output.status.success(), out: text(&output.stdout), err: text(&output.stderr) })
    }

    /// The rest of the lines that begin so.
    fn lines(&self, begin: &str) -> Vec<&str> {
        self.out.lines().filter_map(|line| line.strip_prefix(begin)).collect()
    }

    /// The values of the weights at the end.
    fn weights(&self) -> Vec<f32> {
        let line = self.lines("weights: ").pop().unwrap_or_else(|| panic!("{}\n{}", self.out, self.err));
        line.trim_matches(['[', ']']).split(", ").map(|value| value.parse().unwrap()).collect()
    }
}

/// A port that was free a moment ago.
fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

/// One rank of `world`, as a launcher starts it.
fn rank(task: &str, rank: usize, world: usize, port: &str, folder: &Path) -> Command {
    let mut command = child(task);
    command
        .env("RANK", rank.to_string())
        .env("WORLD_SIZE", world.to_string())
        .env("LOCAL_RANK", rank.to_string())
        .env("MASTER_ADDR", "127.0.0.1")
        .env("MASTER_PORT", port)
        .env("OMP_NUM_THREADS", "1")
        .env("HERBARIUM_DISTRIBUTED_TIMEOUT", "60")
        .env("HERBARIUM_TEST_FOLDER", folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Starts all ranks.
fn started(world: usize, folder: &Path, set: &[(&str, &str)]) -> Outcome<Vec<Child>> {
    let port = free_port();
    let ranks = (0..world).map(|number| {
        rank("trains-together", number, world, &port, folder).envs(set.iter().copied()).spawn()
    });
    Ok(ranks.collect::<Result<_, _>>()?)
}

fn together(world: usize, folder: &Path, set: &[(&str, &str)]) -> Outcome<Vec<Ended>> {
    started(world, folder, set)?.into_iter().map(Ended::of).collect()
}

/// One process with the whole batch.
fn alone(folder: &Path) -> Outcome<Ended> {
    let mut command = child("trains-together");
    command.env("OMP_NUM_THREADS", "1").env("HERBARIUM_TEST_FOLDER", folder);
    Ended::of(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
}

/// The tolerance of DDP's own tests, `assertEqual` of float32: 1.3e-6 of the value and 1e-5.
fn assert_close(a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= 1e-5 + 1.3e-6 * b.abs(), "{a} is not {b}");
    }
}

#[test]
fn several_processes_are_as_one_with_the_whole_batch() -> Outcome {
    let folder = TempDir::new();
    let alone = alone(&below(&folder, "one"))?;
    assert!(alone.success, "{}", alone.err);
    for world in [2, 4] {
        let place = below(&folder, &format!("{world}"));
        let ranks = together(world, &place, &[])?;
        for (number, rank) in ranks.iter().enumerate() {
            assert!(rank.success, "rank {number}: {}", rank.err);
            // Equal to the bit on all ranks after each phase, with all losses and accuracies.
            assert_eq!(rank.lines("result "), ranks[0].lines("result "), "rank {number} of {world}");
            assert_eq!(rank.lines("evaluation: "), alone.lines("evaluation: "));
            assert_eq!(rank.lines("device: "), [format!("Cpu, 1 threads, {world} processes")]);
            let progress = rank.out.lines().any(|line| line.starts_with("Epoch 0/2"));
            assert_eq!(progress, number == 0, "only rank 0 shows how it goes");
        }
        assert_close(&ranks[0].weights(), &alone.weights());
        let files =
            ["best-0", "best-1", "phase-0.state", "phase-1.state"].map(|name| format!("{name}.safetensors"));
        assert_eq!(names(&place), files, "something else is left");
    }
    Ok(())
}

/// A folder in the test's one.
fn below(folder: &TempDir, name: &str) -> PathBuf {
    let path = folder.file(name);
    fs::create_dir(&path).unwrap();
    path
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A rank that is gone is an error on the others; what was written is whole, and a training that resumes from it ends as if
/// nothing had happened.
#[cfg(target_os = "linux")]
#[test]
fn a_training_goes_on_after_a_rank_was_killed() -> Outcome {
    let folder = TempDir::new();
    let undisturbed = together(2, &below(&folder, "through"), &[])?;
    for killed in ["0", "1"] {
        let place = below(&folder, &format!("killed-{killed}"));
        // In the second epoch of the first phase, of which each has 24 pictures for training.
        let mishap = format!("{killed} kill 55");
        let ranks = together(
            2,
            &place,
            &[("HERBARIUM_TEST_MISHAP", &mishap), ("HERBARIUM_DISTRIBUTED_TIMEOUT", "4")],
        )?;
        assert!(ranks.iter().all(|rank| !rank.success));
        let other = &ranks[if killed == "0" { 1 } else { 0 }];
        let named = if killed == "0" { "rank 0 is gone" } else { "for rank 1 without an answer" };
        assert!(other.err.contains(named), "{}", other.err);
        assert!(!other.err.contains("frame #"), "{}", other.err);
        for name in names(&place) {
            assert!(name.ends_with(".safetensors") && !name.starts_with('.'), "{name} is left");
        }
        let resumed = together(2, &place, &[])?;
        for (rank, whole) in resumed.iter().zip(&undisturbed) {
            assert!(rank.success, "{}", rank.err);
            assert_eq!(rank.lines("result "), whole.lines("result "));
            assert_eq!(rank.weights(), whole.weights());
        }
    }
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn a_rank_that_is_stopped_is_named_after_the_timeout() -> Outcome {
    let folder = TempDir::new();
    for (stopped, named) in [(0, "rank 0 is gone"), (1, "for rank 1 without an answer")] {
        let mishap = format!("{stopped} stop 30");
        let set = [("HERBARIUM_TEST_MISHAP", mishap.as_str()), ("HERBARIUM_DISTRIBUTED_TIMEOUT", "3")];
        let mut ranks = started(2, folder.as_ref(), &set)?;
        let other = Ended::of(ranks.remove(1 - stopped))?;
        let mut stopped = ranks.remove(0);
        let killed = stopped.kill();
        stopped.wait()?;
        killed?;
        assert!(!other.success && other.err.contains(named), "{}", other.err);
    }
    Ok(())
}

#[test]
fn what_fails_on_one_rank_fails_on_all() -> Outcome {
    let folder = TempDir::new();
    for (mishap, own, others) in [
        ("1 fewer 0", "the training data is 48 pictures", "the training data is 48 pictures"),
        ("1 unreadable 30", "this picture cannot be read", "rank 1 failed: this picture cannot be read"),
        ("1 nan 30", "the loss is NaN", "rank 1 failed: the loss is NaN"),
        ("0 nan 30", "rank 0 failed: the loss is NaN", "the loss is NaN"),
    ] {
        let ranks = together(
            2,
            folder.as_ref(),
            &[("HERBARIUM_TEST_MISHAP", mishap), ("HERBARIUM_DISTRIBUTED_TIMEOUT", "20")],
        )?;
        for (rank, says) in ranks.iter().zip([others, own]) {
            assert!(!rank.success && rank.err.contains(says), "{mishap}: {}", rank.err);
        }
    }
    Ok(())
}

#[test]
fn a_rank_that_never_comes_is_named() -> Outcome {
    let folder = TempDir::new();
    let port = free_port();
    let start = |number| {
        rank("trains-together", number, 3, &port, folder.as_ref())
            .env("HERBARIUM_DISTRIBUTED_TIMEOUT", "3")
            .spawn()
    };
    let ranks = [start(0)?, start(1)?];
    for child in ranks {
        let ended = Ended::of(child)?;
        assert!(!ended.success && ended.err.contains("rank 2 did not connect"), "{}", ended.err);
    }
    let ended = Ended::of(start(1)?)?;
    assert!(!ended.success && ended.err.contains("Has rank 0 started"), "{}", ended.err);
    Ok(())
}

/// Two network namespaces are two machines: only what goes through the cable between them arrives.
#[cfg(target_os = "linux")]
#[test]
#[cfg_attr(not(network_namespaces), ignore = "needs the right to make network namespaces: root, and `ip`")]
fn two_machines_train_together() -> Outcome {
    let folder = TempDir::new();
    let names =
        [format!("herbarium-{}-a", std::process::id()), format!("herbarium-{}-b", std::process::id())];
    let ip = |arguments: &str| {
        Command::new("ip").args(arguments.split(' ')).output().is_ok_and(|output| output.status.success())
    };
    let [a, b] = &names;
    let cable = (format!("h{}a", std::process::id()), format!("h{}b", std::process::id()));
    let laid = ip(&format!("netns add {a}"))
        && ip(&format!("netns add {b}"))
        && ip(&format!("link add {} netns {a} type veth peer name {} netns {b}", cable.0, cable.1))
        && ip(&format!("-n {a} addr add 10.77.0.1/24 dev {}", cable.0))
        && ip(&format!("-n {b} addr add 10.77.0.2/24 dev {}", cable.1))
        && ip(&format!("-n {a} link set {} up", cable.0))
        && ip(&format!("-n {b} link set {} up", cable.1))
        && ip(&format!("-n {a} link set lo up"))
        && ip(&format!("-n {b} link set lo up"));
    let ran = laid.then(|| -> Outcome<Vec<Ended>> {
        let port = free_port();
        let start = |number: usize| {
            let alone = rank("trains-together", number, 2, &port, folder.as_ref());
            let mut command = Command::new("ip");
            command.args(["netns", "exec", &names[number]]).arg(alone.get_program()).args(alone.get_args());
            command.envs(alone.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command.env("MASTER_ADDR", "10.77.0.1").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
        };
        let ranks = [start(0)?, start(1)?];
        ranks.into_iter().map(Ended::of).collect()
    });
    for name in &names {
        ip(&format!("netns delete {name}"));
    }
    let Some(ranks) = ran else {
        println!("ignored: needs the right to make network namespaces (`ip netns add`)");
        return Ok(());
    };
    let ranks = ranks?;
    for rank in &ranks {
        assert!(rank.success, "{}", rank.err);
        assert_eq!(rank.lines("result "), ranks[0].lines("result "));
    }
    Ok(())
}

/// PyTorch's side of the group: DistributedDataParallel on the same linear layer.
const PYTHON: &str = "
import torch, torch.distributed as dist
dist.init_process_group('gloo')
layer = torch.nn.Linear(8, 4)
with torch.no_grad():
    layer.weight.fill_(1); layer.bias.fill_(0)
model = torch.nn.parallel.DistributedDataParallel(layer)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for _ in range(3):
    optimizer.zero_grad()
    model(torch.ones(2, 8) * (dist.get_rank() + 1.)).square().mean().backward()
    optimizer.step()
    print(f'sums: {layer.weight.double().sum().item():.9f} {layer.bias.double().sum().item():.9f}')
total = torch.tensor([dist.get_rank() + 1.])
dist.all_reduce(total)
print(f'sum of ranks: {total.item():g}')
dist.all_reduce(torch.ones(1, dtype=torch.int64))
";

#[test]
#[cfg_attr(not(peer_python), ignore = "needs HERBARIUM_PEER_PYTHON: a Python with torch 2.13")]
fn a_rank_of_pythons_trains_the_same_model() -> Outcome {
    let python = std::env::var_os("HERBARIUM_PEER_PYTHON").ok_or("needs HERBARIUM_PEER_PYTHON")?;
    let folder = TempDir::new();
    for own in [0, 1] {
        let port = free_port();
        let rust = rank("trains-with-python", own, 2, &port, folder.as_ref()).spawn()?;
        let template = rank("", 1 - own, 2, &port, folder.as_ref());
        let mut peer = Command::new(&python);
        peer.args(["-c", PYTHON]).envs(template.get_envs().filter_map(|(name, value)| Some((name, value?))));
        // Its libtorch is its own.
        peer.env_remove("LD_LIBRARY_PATH").stdout(Stdio::piped()).stderr(Stdio::piped());
        let peer = peer.spawn()?;
        let ranks = [Ended::of(rust)?, Ended::of(peer)?];
        for rank in &ranks {
            assert!(rank.success, "{}\n{}", rank.out, rank.err);
            assert_close(&sums(rank), &sums(&ranks[0]));
            assert_eq!(sums(rank).len(), 6);
            assert_eq!(rank.lines("sum of ranks: "), ["3"]);
        }
    }
    Ok(())
}

/// The sums of weights and biases after each of the steps.
fn sums(rank: &Ended) -> Vec<f32> {
    rank.lines("sums: ").iter().flat_map(|line| line.split(' ')).map(|sum| sum.parse().unwrap()).collect()
}
