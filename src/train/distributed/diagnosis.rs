//! Finds the rank that the others waited for: after a failure the ranks inform each other through the store.
//!
//! libtorch's errors name addresses, and a connection that breaks may be that of a rank which left because of a third one.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::engine::Store;
use super::launch::Launch;

/// The longest that a rank that has failed listens to the others. Those that still compute say nothing in that time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Never longer than half of what a rank waits for another one at all.
fn patience(launch: &Launch) -> Duration {
    PATIENCE.min(launch.timeout / 2)
}

fn came(launch: &Launch, rank: usize) -> String {
    format!("{}herbarium/came/{rank}", launch.prefix())
}

/// What a rank says after a failure: nothing, or what went wrong on it.
fn last_words(launch: &Launch, rank: usize) -> String {
    format!("{}herbarium/last_words/{rank}", launch.prefix())
}

/// Says that a rank has read the others' last words.
fn read(launch: &Launch, rank: usize) -> String {
    format!("{}herbarium/read/{rank}", launch.prefix())
}

/// Before joining.
pub(super) fn come(store: &Store, launch: &Launch) {
    // The join that follows says what is wrong with the store.
    let _ = store.set(&came(launch, launch.rank), "");
}

/// What one rank knows of another.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Words(String),
    Nothing,
    /// The store, too, is gone.
    NoStore,
}

pub(super) fn others(launch: &Launch) -> Vec<usize> {
    (0..launch.world).filter(|&rank| rank != launch.rank).collect()
}

/// What some ranks have set a key to, after waiting for them together. A store whose process is stopped never answers: a
/// thread asks it, and is left behind.
fn ask(
    store: Arc<Store>,
    launch: &Launch,
    ranks: &[usize],
    key: fn(&Launch, usize) -> String,
) -> Vec<(usize, Heard)> {
    let (sender, answers) = mpsc::channel();
    let (asked, whom) = (launch.clone(), ranks.to_vec());
    thread::spawn(move || {
        let end = Instant::now() + patience(&asked);
        for rank in whom {
            let heard = match store.get(&key(&asked, rank), end.saturating_duration_since(Instant::now())) {
                Ok(words) => Heard::Words(words),
                Err(error) if is_timeout(&error.to_string()) => Heard::Nothing,
                Err(_) => Heard::NoStore,
            };
            // Nobody listens any more where this took too long.
            let _ = sender.send((rank, heard));
        }
    });
    let end = Instant::now() + patience(launch) + PATIENCE;
    ranks
        .iter()
        .map(|&rank| {
            let answer = answers.recv_timeout(end.saturating_duration_since(Instant::now()));
            answer.unwrap_or((rank, Heard::NoStore))
        })
        .collect()
}

fn is_timeout(said: &str) -> bool {
    let said = said.to_lowercase();
    said.contains("timeout") || said.contains("timed out")
}

/// Sets a key in the background: nothing is to wait for a store whose process is stopped.
fn say(store: Arc<Store>, key: String, words: String) {
    let (sender, done) = mpsc::channel();
    thread::spawn(move || {
        let _ = store.set(&key, &words);
        let _ = sender.send(());
    });
    let _ = done.recv_timeout(PATIENCE);
}

/// Why `what` failed, of which libtorch has `said` something.
pub(super) fn of_failure(store: Arc<Store>, launch: &Launch, what: &str, said: &str) -> String {
    say(store.clone(), last_words(launch, launch.rank), String::new());
    let heard = ask(store.clone(), launch, &others(launch), last_words);
    say(store.clone(), read(launch, launch.rank), String::new());
    let reason = sentence(launch, what, said, &heard);
    let present: Vec<usize> =
        heard.iter().filter(|(_, heard)| matches!(heard, Heard::Words(_))).map(|(rank, _)| *rank).collect();
    linger(store, launch, &present);
    reason
}

/// Informs the others why this rank stops.
pub(super) fn leave(store: Arc<Store>, launch: &Launch, why: &str) {
    say(store.clone(), last_words(launch, launch.rank), why.to_owned());
    say(store, read(launch, launch.rank), String::new());
}

/// The store ends with its process: rank 0 waits until the others have read what they need.
pub(super) fn linger(store: Arc<Store>, launch: &Launch, ranks: &[usize]) {
    if launch.rank == 0 && !launch.agent {
        ask(store, launch, ranks, read);
    }
}

fn sentence(launch: &Launch, what: &str, said: &str, heard: &[(usize, Heard)]) -> String {
    let failed = heard.iter().find_map(|(rank, heard)| match heard {
        Heard::Words(words) if !words.is_empty() => Some((rank, words)),
        _ => None,
    });
    if let Some((rank, words)) = failed {
        // It names itself already where its error is one of the group's.
        return format!("rank {rank} failed: {words}");
    }
    let said = first_line(said);
    let silent = ranks(heard, |heard| *heard == Heard::Nothing);
    if heard.iter().any(|(_, heard)| *heard == Heard::NoStore) {
        return format!(
            "waited in {what} without an answer, and {} is gone, which the ranks need to find each other \
            ({}:{}): its process has \
             ended or is stopped, or its machine cannot be reached. Look at its output first ({said})",
            if launch.agent { "torchrun's agent" } else { "rank 0" },
            launch.host,
            launch.port
        );
    }
    match silent {
        Some(silent) => format!(
            "waited in {what} for {silent} without an answer: its process has ended or is stopped, or it is \
            busy with something else; look at its output first ({said})"
        ),
        None if is_timeout(&said) => format!(
            "waited in {what} longer than {} s, though all ranks are there: they are not at the same point \
            of the program. Do all of them run the same code, on the same data ({said})?",
            launch.timeout.as_secs_f64()
        ),
        None => format!("{what} failed on all ranks: {said}"),
    }
}

/// Why not all ranks have joined.
pub(super) fn of_joining(store: Arc<Store>, launch: &Launch, address: &str, said: &str) -> String {
    let heard = ask(store, launch, &others(launch), came);
    let (host, port, said) = (&launch.host, launch.port, first_line(said));
    let seconds = launch.timeout.as_secs_f64();
    match ranks(&heard, |heard| !matches!(heard, Heard::Words(_))) {
        Some(missing) => format!(
            "waited {seconds} s for all {} ranks at {host}:{port}; {missing} did not connect. Was every one \
            of them started, \
             with the same WORLD_SIZE, MASTER_ADDR and MASTER_PORT ({said})?",
            launch.world
        ),
        None => format!(
            "all {} ranks have reached {host}:{port}, but cannot connect to each other; this one is at \
            {address}. Are all \
             ports open between the machines? GLOO_SOCKET_IFNAME chooses the network interface ({said})",
            launch.world
        ),
    }
}

/// `rank 1`, `ranks 1, 3`: those for whom something holds.
fn ranks(heard: &[(usize, Heard)], which: impl Fn(&Heard) -> bool) -> Option<String> {
    let numbers: Vec<String> =
        heard.iter().filter(|(_, heard)| which(heard)).map(|(rank, _)| rank.to_string()).collect();
    match numbers.as_slice() {
        [] => None,
        [one] => Some(format!("rank {one}")),
        many => Some(format!("ranks {}", many.join(", "))),
    }
}

/// The first sentence of what libtorch says, without the line of its source.
pub(super) fn first_line(said: &str) -> String {
    let line = said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let line = match line.split_once("] ") {
        Some((place, rest)) if place.starts_with('[') && place.contains(".cc:") => rest,
        _ => line,
    };
    line.split(". ").next().unwrap_or(line).trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Heard::{NoStore, Nothing, Words};

    fn launch() -> Launch {
        Launch {
            rank: 1,
            world: 4,
            local_rank: 1,
            local_world: None,
            host: "10.0.0.1".into(),
            port: 29500,
            agent: false,
            restarts: 0,
            timeout: Duration::from_secs(20),
        }
    }

    #[test]
    fn who_is_to_blame_is_named() {
        let said =
            "[../third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [10.0.0.2]:4";
        let told = |heard: Vec<(usize, Heard)>| sentence(&launch(), "a barrier", said, &heard);
        let fine = || Words(String::new());
        let failed = told(vec![(0, fine()), (2, Words("the loss is NaN".into())), (3, Nothing)]);
        assert_eq!(failed, "rank 2 failed: the loss is NaN");
        let silent = told(vec![(0, fine()), (2, Nothing), (3, Nothing)]);
        assert!(silent.starts_with("waited in a barrier for ranks 2, 3 without an answer: "), "{silent}");
        assert!(silent.ends_with("(Connection closed by peer [10.0.0.2]:4)"), "{silent}");
        let gone = told(vec![(0, NoStore), (2, NoStore), (3, NoStore)]);
        assert!(gone.contains("rank 0 is gone") && gone.contains("10.0.0.1:29500"), "{gone}");
        let all = || vec![(0, fine()), (2, fine()), (3, fine())];
        assert!(told(all()).starts_with("a barrier failed on all ranks"));
        let apart = sentence(&launch(), "a barrier", "Timed out waiting 20000ms", &all());
        assert!(apart.contains("not at the same point of the program"), "{apart}");
    }
}
