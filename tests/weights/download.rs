//! Downloads from servers that are slow, break off, lie about the length or have another file.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use herbarium::Error;
use herbarium::download::{Checksum, DownloadOptions, Downloaded, download};

use super::server::{Answer, Server};
use super::{Folder, Outcome, ROLE, is_child};

/// `sha256sum` of the 100,000 bytes of [`body`].
const SHA256: &str = "e24ae9cbcc7500392dfa5d018f63f0bf87232dc30ae5996d8ca6b25c2ae4b665";

fn body() -> Vec<u8> {
    (0..100_000u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn quiet() -> DownloadOptions {
    DownloadOptions { verbose: false, patience: Duration::from_secs(2), ..Default::default() }
}

fn checked() -> DownloadOptions {
    DownloadOptions { length: Some(100_000), checksum: Some(Checksum::Sha256(SHA256.into())), ..quiet() }
}

fn refusal(outcome: Result<Downloaded, Error>) -> String {
    outcome.expect_err("this download must fail").to_string()
}

fn is_whole(folder: &Folder, name: &str) -> bool {
    fs::read(folder.file(name)).is_ok_and(|bytes| bytes == body())
}

#[test]
fn a_file_comes_once_and_is_checked() -> Outcome {
    let (folder, server) = (Folder::new("download")?, Server::new(body(), None, vec![Answer::Well]));
    let to = folder.file("deep/inside/file.pth");
    let got = download(&server.url("file.pth"), &to, &checked())?;
    assert_eq!((got.length, got.fetched), (100_000, 100_000));
    assert!(is_whole(&folder, "deep/inside/file.pth"));
    let again = download(&server.url("file.pth"), &to, &checked())?;
    assert_eq!((again.length, again.fetched), (100_000, 0));
    assert_eq!(server.ranges(), ["-"]);
    assert_eq!(fs::read_dir(folder.file("deep/inside"))?.count(), 1);
    // A file that is there and is another one is replaced.
    fs::write(&to, "something else")?;
    download(&server.url("file.pth"), &to, &checked())?;
    assert!(is_whole(&folder, "deep/inside/file.pth"));
    Ok(())
}

#[test]
fn a_broken_connection_is_continued() -> Outcome {
    let folder = Folder::new("download-breaks")?;
    let answers = vec![Answer::BreaksOffAfter(30_000), Answer::BreaksOffAfter(20_000), Answer::Well];
    let server = Server::new(body(), Some("\"v1\""), answers);
    let got = download(&server.url("f"), folder.file("f"), &checked())?;
    assert_eq!(got.fetched, 100_000);
    assert_eq!(server.ranges(), ["-", "bytes=30000-", "bytes=50000-"]);
    assert!(is_whole(&folder, "f"));
    Ok(())
}

#[test]
fn a_later_call_goes_on_where_the_first_gave_up() -> Outcome {
    let folder = Folder::new("download-later")?;
    let answers = vec![Answer::BreaksOffAfter(60_000), Answer::Status(503, ""), Answer::Well];
    let server = Server::new(body(), Some("\"v1\""), answers);
    let told =
        refusal(download(&server.url("f"), folder.file("f"), &DownloadOptions { retries: 0, ..checked() }));
    assert!(told.contains("HTTP 503") && told.contains("60.0 kB received so far are kept"), "{told}");
    assert!(!folder.file("f").exists());
    let got = download(&server.url("f"), folder.file("f"), &checked())?;
    assert_eq!((got.length, got.fetched), (100_000, 40_000));
    assert!(is_whole(&folder, "f"));
    assert_eq!(folder.names()?, ["f"]);
    Ok(())
}

#[test]
fn a_part_of_another_file_is_not_continued() -> Outcome {
    let folder = Folder::new("download-changed")?;
    let first = Server::new(
        vec![7; 90_000],
        Some("\"old\""),
        vec![Answer::BreaksOffAfter(50_000), Answer::Status(404, "")],
    );
    let unchecked = quiet();
    refusal(download(&first.url("f"), folder.file("f"), &unchecked));
    // Another address: from the start.
    let second = Server::new(
        body(),
        Some("\"new\""),
        vec![Answer::BreaksOffAfter(50_000), Answer::Status(404, ""), Answer::Well],
    );
    refusal(download(&second.url("f"), folder.file("f"), &unchecked));
    download(&second.url("f"), folder.file("f"), &unchecked)?;
    assert_eq!(second.ranges(), ["-", "bytes=50000-", "bytes=50000-"]);
    assert!(is_whole(&folder, "f"));
    // A server without versions or checksums: from the start. One whose file is damaged behind the
    // part, by the checksum: once more from the start.
    fs::write(folder.file(".g.part"), vec![9; 1000])?;
    let third = Server::new(body(), None, vec![Answer::Well]);
    fs::write(folder.file(".g.part.from"), format!("{{\"url\":\"{}\",\"version\":null}}", third.url("g")))?;
    download(&third.url("g"), folder.file("g"), &checked())?;
    assert_eq!(third.ranges(), ["bytes=1000-", "-"]);
    assert!(is_whole(&folder, "g"));
    Ok(())
}

#[test]
fn servers_without_ranges_or_lengths_do() -> Outcome {
    let folder = Folder::new("download-plain")?;
    let server =
        Server::new(body(), Some("\"v\""), vec![Answer::BreaksOffAfter(10_000), Answer::WithoutRanges]);
    download(&server.url("f"), folder.file("f"), &checked())?;
    assert_eq!(server.ranges(), ["-", "bytes=10000-"]);
    let server = Server::new(body(), None, vec![Answer::WithoutLength]);
    download(&server.url("g"), folder.file("g"), &quiet())?;
    assert!(is_whole(&folder, "f") && is_whole(&folder, "g"));
    Ok(())
}

#[test]
fn another_file_or_length_is_refused_and_nothing_stays() -> Outcome {
    let folder = Folder::new("download-wrong")?;
    let page = b"<!DOCTYPE html><html>Please log in</html>".to_vec();
    let same_length = vec![3; 100_000];
    let cases = [
        (Answer::Other(same_length), "its SHA-256 is"),
        (Answer::Other(page.clone()), "41 bytes and should have 100000: a web page was sent"),
        (Answer::Other(vec![3; 200_000]), "200.0 kB or more there, it should have 100.0 kB"),
        (Answer::Announces(u64::MAX), "it should have 100.0 kB"),
        (Answer::Announces(1 << 40), "it is another file"),
    ];
    for (answer, expected) in cases {
        let server = Server::new(body(), None, vec![answer.clone()]);
        let options = DownloadOptions { retries: 0, ..checked() };
        let told = refusal(download(&server.url("f"), folder.file("f"), &options));
        assert!(told.contains(expected) && told.contains("http://127.0.0.1"), "{answer:?}: {told}");
        assert!(!folder.file("f").exists());
    }
    let server = Server::new(body(), None, vec![Answer::Other(page)]);
    let options = DownloadOptions { checksum: Some(Checksum::Sha256(SHA256.into())), ..quiet() };
    let told = refusal(download(&server.url("f"), folder.file("f"), &options));
    assert!(told.contains("a web page was sent instead of the file"), "{told}");
    // Less is sent than announced: that counts as broken off, and the server is asked for the rest.
    let server = Server::new(body(), None, vec![Answer::Announces(100_500)]);
    let got = download(&server.url("f"), folder.file("f"), &quiet())?;
    assert_eq!(got.length, 100_000);
    assert_eq!(server.ranges(), ["-", "bytes=100000-"]);
    Ok(())
}

#[test]
fn what_will_not_get_better_is_told_at_once() -> Outcome {
    let folder = Folder::new("download-refused")?;
    let cases = [
        (Answer::Status(404, ""), "there is no such file there (HTTP 404 Not Found)"),
        (Answer::Status(403, ""), "fetch it in a browser"),
        (Answer::Status(429, "Retry-After: 9999\r\n"), "asks to come back in 9999 s"),
    ];
    for (answer, expected) in cases {
        let server = Server::new(body(), None, vec![answer]);
        let told = refusal(download(&server.url("f"), folder.file("f"), &quiet()));
        assert!(told.contains(expected), "{told}");
        assert_eq!(server.ranges().len(), 1);
    }
    let once = DownloadOptions { retries: 0, ..quiet() };
    for url in ["ftp://localhost/f", "no address", "file:///etc/passwd", ""] {
        assert!(!refusal(download(url, folder.file("f"), &once)).is_empty());
    }
    let server = Server::new(body(), None, vec![Answer::Rubbish]);
    let told = refusal(download(&server.url("f"), folder.file("f"), &once));
    assert!(told.contains("does not speak HTTP"), "{told}");
    // A port where nobody listens.
    let told = refusal(download("http://127.0.0.1:9/f", folder.file("f"), &once));
    assert!(told.contains("no connection"), "{told}");
    assert!(download(&server.url("f"), Path::new("/"), &once).is_err());
    let server = Server::new(body(), None, vec![]);
    let told = refusal(download(&server.url("f"), folder.path(), &quiet()));
    assert!(told.contains("is a folder: give the name of the file in it too"), "{told}");
    assert!(server.ranges().is_empty());
    Ok(())
}

#[test]
fn a_server_that_hangs_is_given_up_and_continued() -> Outcome {
    let folder = Folder::new("download-hangs")?;
    let server = Server::new(body(), Some("\"v\""), vec![Answer::Hangs, Answer::Slowly(5)]);
    let options = DownloadOptions { patience: Duration::from_millis(300), ..checked() };
    download(&server.url("f"), folder.file("f"), &options)?;
    assert_eq!(server.ranges(), ["-", "bytes=1000-"]);
    assert!(is_whole(&folder, "f"));
    Ok(())
}

#[test]
fn two_at_once_fetch_it_once() -> Outcome {
    let folder = Folder::new("download-two")?;
    let server = Server::new(body(), None, vec![Answer::Slowly(10)]);
    let (url, to) = (server.url("f"), folder.file("f"));
    let fetched: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| download(&url, &to, &checked()))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic").expect("a file").fetched).collect()
    });
    assert_eq!(fetched.iter().sum::<u64>(), 100_000, "{fetched:?}");
    assert!(is_whole(&folder, "f"));
    assert_eq!(folder.names()?, ["f"]);
    Ok(())
}

#[test]
fn the_stop_button_is_heard_within_a_moment() -> Outcome {
    if is_child() {
        let url = std::env::var("HERBARIUM_TEST_URL")?;
        let to = std::env::var("HERBARIUM_TEST_TO")?;
        herbarium::notebook::init()?;
        println!("\nbegun");
        let outcome = download(&url, to, &DownloadOptions { verbose: false, ..Default::default() });
        println!("\nended: {}", outcome.is_err_and(|error| matches!(error, Error::Interrupted)));
        return Ok(());
    }
    let folder = Folder::new("download-stop")?;
    for answer in [Answer::Slowly(20), Answer::Hangs, Answer::Status(503, "Retry-After: 30\r\n")] {
        let server = Server::new(body(), Some("\"v\""), vec![answer.clone()]);
        let mut child = Command::new(std::env::current_exe()?)
            .args(["download::the_stop_button_is_heard_within_a_moment", "--exact", "--nocapture"])
            .env(ROLE, "child")
            .env("HERBARIUM_KERNEL", "1")
            .env("HERBARIUM_TEST_URL", server.url("f"))
            .env("HERBARIUM_TEST_TO", folder.file("f"))
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
        let mut until = |wanted: &str| lines.by_ref().flatten().find(|line| line.starts_with(wanted));
        until("begun").ok_or("the child did not begin")?;
        while server.ranges().is_empty() {
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(150));
        let pressed = Instant::now();
        Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
        assert_eq!(until("ended").as_deref(), Some("ended: true"), "{answer:?}");
        let took = pressed.elapsed();
        println!("{answer:?}: stopped after {took:?}");
        assert!(took < Duration::from_secs(2), "{answer:?}: {took:?}");
        assert!(child.wait()?.success());
        assert!(!folder.file("f").exists());
    }
    Ok(())
}
