//! The contract between a cell and its kernel, seen from outside.

mod scenes;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use herbarium_notebook::{
    self as notebook, EvcxrDisplay, EvcxrDisplayRich, MimeBundle, clear_output, display,
};
use scenes::{EVCXR, KERNEL, PLAIN, child, messages, shown_texts, told};
use serde_json::{Value, json};

#[test]
fn scenes() {
    scenes::play(|scene| match scene {
        "bundle" => notebook::result(&bundle()),
        "order" => order(),
        "last values" => last_values(),
        "foreign" => foreign(),
        "panics" => panics(),
        "wait for an interrupt" => wait_for_an_interrupt(),
        other => panic!("no scene {other}"),
    });
}

fn bundle() -> MimeBundle {
    MimeBundle::text("a\nb \u{1e} \"c\" é").with_html("<b>x</b>").with_png([0xfb, 0xef, 0xff, 0x00], 20, 10)
}

fn order() {
    print!("no line feed");
    let handle = display("first");
    println!("between");
    handle.update("second");
    clear_output(true);
    clear_output(false);
}

#[test]
fn a_message_is_one_line_of_compact_json() {
    assert_eq!(
        told("bundle", &KERNEL),
        "\u{1e}herbarium {\"type\":\"result\",\"data\":{\"text/plain\":\"a\\nb \\u001e \\\"c\\\" é\",\"text/html\":\
         \"<b>x</b>\",\"image/png\":\"++//AA==\"},\"metadata\":{\"image/png\":{\"width\":20,\"height\":10}}}\n"
    );
}

#[test]
fn text_and_messages_keep_their_order() {
    let text = told("order", &KERNEL);
    let (before, rest) = text.split_once('\u{1e}').unwrap();
    assert_eq!(before, "no line feed");
    let lines: Vec<&str> = rest.lines().collect();
    let id =
        serde_json::from_str::<Value>(lines[0].strip_prefix("herbarium ").unwrap()).unwrap()["display_id"]
            .as_str()
            .unwrap()
            .to_string();
    assert!(id.starts_with("herbarium-") && id.len() > 20, "{id}");
    let shown = |kind: &str, text: &str| {
        format!(
            r#"herbarium {{"type":"{kind}","data":{{"text/plain":"{text}"}},"metadata":{{}},"display_id":"{id}"}}"#
        )
    };
    assert_eq!(
        lines,
        [
            shown("display", "first"),
            "between".into(),
            format!("\u{1e}{}", shown("update", "second")),
            "\u{1e}herbarium {\"type\":\"clear\",\"wait\":true}".into(),
            "\u{1e}herbarium {\"type\":\"clear\",\"wait\":false}".into(),
        ]
    );
}

#[test]
fn another_evcxr_kernel_gets_its_own_blocks() {
    assert_eq!(
        told("bundle", &EVCXR),
        "EVCXR_BEGIN_CONTENT text/plain\na\nb \u{1e} \"c\" é\nEVCXR_END_CONTENT\n\
         EVCXR_BEGIN_CONTENT text/html\n<b>x</b>\nEVCXR_END_CONTENT\n\
         EVCXR_BEGIN_CONTENT image/png\n++//AA==\nEVCXR_END_CONTENT\n"
    );
    assert!(told("order", &EVCXR).ends_with("EVCXR_BEGIN_CONTENT text/plain\nsecond\nEVCXR_END_CONTENT\n"));
}

#[test]
fn a_plain_program_prints_text() {
    assert_eq!(told("bundle", &PLAIN), "a\nb \u{1e} \"c\" é\n");
    assert_eq!(told("order", &PLAIN), "no line feedfirst\nbetween\n");
}

/// As evcxr writes a cell's last expression.
#[allow(clippy::unit_arg, clippy::needless_borrow, clippy::double_parens)]
fn last_values() {
    let names: Vec<String> = (1..=12).map(|n| n.to_string()).collect();
    let many: Vec<String> = (1..=102).map(|n| n.to_string()).collect();
    (names).evcxr_display();
    (names[0]).evcxr_display();
    (*names[0]).evcxr_display();
    (names[0..2]).evcxr_display();
    (&&names[0..2]).evcxr_display();
    (1 + 2).evcxr_display();
    ("str").evcxr_display();
    (()).evcxr_display();
    (names.iter().max()).evcxr_display();
    (std::rc::Rc::new(5)).evcxr_display();
    (many).evcxr_display();
    ("x".repeat(50_000)).evcxr_display();
}

#[test]
fn every_value_shows_itself_as_the_last_expression() {
    let shown = shown_texts("last values");
    let twelve = "[\"1\",\n \"2\",\n \"3\",\n \"4\",\n \"5\",\n \"6\",\n \"7\",\n \"8\",\n \"9\",\n \"10\",\n \
                  \"11\",\n \"12\"]";
    let expected =
        [twelve, "\"1\"", "\"1\"", "[\"1\", \"2\"]", "[\"1\", \"2\"]", "3", "\"str\"", "Some(\"9\")", "5"];
    assert_eq!(shown[..expected.len()], expected);
    let [many, long] = &shown[expected.len()..] else { panic!("{} values", shown.len()) };
    assert!(many.starts_with("[\"1\",\n \"2\",\n"), "{many}");
    assert!(many.contains(" \"25\",\n … 52 more …\n \"78\",\n"), "{many}");
    assert!(many.ends_with(" \"102\"]  (102 in all)"), "{many}");
    assert!(long.contains("30002 of 50002 characters left out"), "{}", &long[..80]);
}

/// Says how a type of the standard library shows itself.
struct Here;

impl notebook::Show<Here> for std::cell::UnsafeCell<u8> {
    fn bundle(&self) -> MimeBundle {
        MimeBundle::text("a cell").with_html("<b>a cell</b>")
    }
}

impl notebook::Rich<Here> for std::cell::UnsafeCell<u8> {
    fn text(&self) -> String {
        "a cell".to_owned()
    }

    fn show(&self) {
        notebook::result(self);
    }
}

fn foreign() {
    let cell = || std::cell::UnsafeCell::new(1);
    (cell()).evcxr_display();
    (vec![cell(), cell()]).evcxr_display();
    (cell(), Some(cell())).evcxr_display();
    display(&Box::new(cell()));
    (1).evcxr_display();
}

#[test]
fn another_crates_type_shows_itself_as_this_one_says() {
    let shown: Vec<Value> = messages("foreign").iter().map(|message| message["data"].clone()).collect();
    let page = json!({ "text/plain": "a cell", "text/html": "<b>a cell</b>" });
    let text = |text: &str| json!({ "text/plain": text });
    let expected =
        [page.clone(), text("[a cell,\n a cell]"), text("(a cell,\n Some(a cell))"), page, text("1")];
    assert_eq!(shown, expected);
}

fn panics() {
    notebook::init().unwrap();
    notebook::init().unwrap();
    let _ = std::panic::catch_unwind(|| panic!("my {} words", "own"));
    let _ = std::panic::catch_unwind(|| std::panic::panic_any(5));
}

#[test]
fn a_panic_is_an_error_message() {
    let told = messages("panics");
    assert_eq!(
        told[0],
        json!({ "type": "error", "ename": "Panic", "evalue": "my own words", "traceback": ["Panic: my own words"] })
    );
    assert_eq!(told[1]["evalue"], "a panic without a message");
    assert_eq!(told.len(), 2);
}

/// Waits up to ten seconds for the flag, and prints what happened.
fn wait_for_an_interrupt() {
    notebook::init().unwrap();
    println!("READY {}", notebook::interrupted());
    let start = Instant::now();
    while !notebook::interrupted() && start.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let heard = [notebook::interrupted(), notebook::take_interrupt(), notebook::interrupted()];
    println!("{heard:?} {}", notebook::take_interrupt());
}

/// Starts the waiting scene, sends SIGINT once it is ready, and returns its output and exit status.
fn interrupt(environment: &[(&str, &str)]) -> (String, std::process::ExitStatus) {
    use std::io::{BufRead, BufReader, Read};
    let mut child = child("wait for an interrupt", environment)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("READY") {
        assert!(output.read_line(&mut text).unwrap() > 0, "{text}");
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    output.read_to_string(&mut text).unwrap();
    (text, child.wait().unwrap())
}

#[test]
fn an_interrupt_sets_a_flag_under_the_kernel() {
    let (text, status) = interrupt(&KERNEL);
    // The cell reports once that it checks for interrupts, and once that it has handled one.
    let said = |heard: bool| format!("\u{1e}herbarium {{\"type\":\"listening\",\"heard\":{heard}}}\n");
    let expected = format!("{}READY false\n{}[true, true, false] false\n", said(false), said(true));
    assert!(text.contains(&expected), "{text}");
    assert!(status.success());
}

#[test]
fn an_interrupt_ends_any_other_process() {
    use std::os::unix::process::ExitStatusExt;
    for environment in [&PLAIN[..], &EVCXR[..]] {
        let (text, status) = interrupt(environment);
        assert_eq!(status.signal(), Some(2), "{text}");
    }
}
