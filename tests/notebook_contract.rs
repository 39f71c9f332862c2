//! The contract between a cell and its kernel, seen from outside: this test runs itself as a child
//! process in each host's environment, and reads the child's standard output byte for byte.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use herbarium::notebook::{self, MimeBundle};
use herbarium::prelude::*;
use serde_json::{Value, json};

const KERNEL: [(&str, &str); 2] = [("HERBARIUM_KERNEL", "1"), ("EVCXR_IS_RUNTIME", "1")];
const EVCXR: [(&str, &str); 1] = [("EVCXR_IS_RUNTIME", "1")];
const PLAIN: [(&str, &str); 0] = [];

/// A child that plays one of the scenes below.
fn child(scene: &str, environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "scenes", "--nocapture", "--test-threads=1"]).env("SCENE", scene);
    command.env_remove("HERBARIUM_KERNEL").env_remove("EVCXR_IS_RUNTIME");
    command.envs(environment.iter().copied());
    command
}

/// What a scene wrote to standard output.
fn told(scene: &str, environment: &[(&str, &str)]) -> String {
    let Output { stdout, stderr, .. } = child(scene, environment).output().unwrap();
    let text = String::from_utf8(stdout).unwrap();
    let told = text.split_once("BEGIN\n").and_then(|(_, rest)| rest.rsplit_once("END\n"));
    let told = told.unwrap_or_else(|| panic!("{text}\n{}", String::from_utf8_lossy(&stderr)));
    told.0.to_string()
}

/// The messages in a scene's output, which must hold nothing else.
fn messages(scene: &str) -> Vec<Value> {
    let text = told(scene, &KERNEL);
    let message = |line: &str| {
        let json = line.strip_prefix("\u{1e}herbarium ").unwrap_or_else(|| panic!("not a message: {line:?}"));
        serde_json::from_str(json).unwrap()
    };
    text.lines().map(message).collect()
}

#[test]
fn scenes() {
    let Ok(scene) = std::env::var("SCENE") else { return };
    println!("\nBEGIN");
    match scene.as_str() {
        "bundle" => notebook::result(&bundle()),
        "order" => order(),
        "last values" => last_values(),
        "figures" => figures(),
        "panics" => panics(),
        "wait for an interrupt" => wait_for_an_interrupt(),
        other => panic!("no scene {other}"),
    }
    println!("END");
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
    let tensor = tch::Tensor::from_slice(&[1.0f32, -2.0, 0.5]);
    let names: Vec<String> = (1..=12).map(|n| n.to_string()).collect();
    let many: Vec<String> = (1..=102).map(|n| n.to_string()).collect();
    (tensor).evcxr_display();
    (&tensor).evcxr_display();
    (tensor.size()).evcxr_display();
    (names).evcxr_display();
    (names[0]).evcxr_display();
    (*names[0]).evcxr_display();
    (names[0..2]).evcxr_display();
    (&&names[0..2]).evcxr_display();
    (1 + 2).evcxr_display();
    ("str").evcxr_display();
    (()).evcxr_display();
    (names.iter().max()).evcxr_display();
    (vec![tensor.shallow_clone()]).evcxr_display();
    (Some(tensor.shallow_clone())).evcxr_display();
    (tensor.f_reshape([3])).evcxr_display();
    (std::rc::Rc::new(5)).evcxr_display();
    (tch::Tensor::zeros([2, 0], tch::kind::INT64_CPU)).evcxr_display();
    (tch::Tensor::from(7i64)).evcxr_display();
    (tch::Tensor::new()).evcxr_display();
    (many).evcxr_display();
    ("x".repeat(50_000)).evcxr_display();
}

/// Never run: that it compiles is what counts, because evcxr builds a cell twice if it does not.
#[allow(dead_code, clippy::too_many_arguments)]
fn every_type_of_the_crate_can_stand_last(
    trained: (&Model, &Parameters, &StateDict, &Predictions, &Checkpoint, &History, &Evaluation),
    optimizers: (&Adam, &AdamW, &Sgd, &StepLr, &ReduceLrOnPlateau, &CosineAnnealingLr, &CrossEntropyLoss),
    loaded: (&Batch, &DataLoader, &Splits<DataLoader>, &Splits<ImageFolder>, &ImageFolder, &AnnotationFile),
    prepared: (&CategoryNames, &Compose, &Transform, &Sample, &Splits<usize>, &TrainOptions, &LoaderOptions),
    results: (
        &herbarium::Result<Batch>,
        &herbarium::Result<Figure>,
        &herbarium::Result<Model>,
        &herbarium::Error,
    ),
) {
    (*trained.0).evcxr_display();
    (*trained.1).evcxr_display();
    (*trained.2).evcxr_display();
    (*trained.3).evcxr_display();
    (*trained.4).evcxr_display();
    (*trained.5).evcxr_display();
    (*trained.6).evcxr_display();
    (*optimizers.0).evcxr_display();
    (*optimizers.1).evcxr_display();
    (*optimizers.2).evcxr_display();
    (*optimizers.3).evcxr_display();
    (*optimizers.4).evcxr_display();
    (*optimizers.5).evcxr_display();
    (*optimizers.6).evcxr_display();
    (*loaded.0).evcxr_display();
    (*loaded.1).evcxr_display();
    (*loaded.2).evcxr_display();
    (*loaded.3).evcxr_display();
    (*loaded.4).evcxr_display();
    (*loaded.5).evcxr_display();
    (*prepared.0).evcxr_display();
    (*prepared.1).evcxr_display();
    (*prepared.2).evcxr_display();
    (*prepared.3).evcxr_display();
    (*prepared.4).evcxr_display();
    (*prepared.5).evcxr_display();
    (*prepared.6).evcxr_display();
    (*results.0).evcxr_display();
    (*results.1).evcxr_display();
    (*results.2).evcxr_display();
    (*results.3).evcxr_display();
}

#[test]
fn every_value_shows_itself_as_the_last_expression() {
    let shown: Vec<String> = messages("last values")
        .iter()
        .map(|message| {
            assert_eq!((&message["type"], &message["metadata"]), (&json!("result"), &json!({})));
            message["data"]["text/plain"].as_str().unwrap().to_string()
        })
        .collect();
    let tensor = "torch.Size([3]) Float Cpu, min -2.0000, max 1.0000, mean -0.1667, \
                  first [1.0000, -2.0000, 0.5000]";
    let twelve = "[\"1\",\n \"2\",\n \"3\",\n \"4\",\n \"5\",\n \"6\",\n \"7\",\n \"8\",\n \"9\",\n \"10\",\n \
                  \"11\",\n \"12\"]";
    let expected = [
        tensor,
        tensor,
        "[3]",
        twelve,
        "\"1\"",
        "\"1\"",
        "[\"1\", \"2\"]",
        "[\"1\", \"2\"]",
        "3",
        "\"str\"",
        "Some(\"9\")",
        &format!("[{tensor}]"),
        &format!("Some({tensor})"),
        tensor,
        "5",
        "torch.Size([2, 0]) Int64 Cpu, empty",
        "torch.Size([]) Int64 Cpu, value 7",
        "Tensor (undefined)",
    ];
    assert_eq!(shown[..expected.len()], expected);
    let [many, long] = &shown[expected.len()..] else { panic!("{} values", shown.len()) };
    assert!(many.starts_with("[\"1\",\n \"2\",\n"), "{many}");
    assert!(many.contains(" \"25\",\n … 52 more …\n \"78\",\n"), "{many}");
    assert!(many.ends_with(" \"102\"]  (102 in all)"), "{many}");
    assert!(long.contains("30002 of 50002 characters left out"), "{}", &long[..80]);
}

fn figures() {
    let grey = || im_convert(&tch::Tensor::zeros([3, 8, 8], tch::kind::FLOAT_CPU));
    (grey().unwrap()).evcxr_display();
    (grey()).evcxr_display();
    (im_convert(&tch::Tensor::zeros([8], tch::kind::FLOAT_CPU))).evcxr_display();
    (display(&grey().unwrap())).evcxr_display();
    (tch::Tensor::from_slice(&[1, 2, 3]).f_reshape([7])).evcxr_display();
}

#[test]
fn a_figure_shows_itself_with_and_without_a_question_mark() {
    let told = messages("figures");
    let kinds: Vec<&str> = told.iter().map(|message| message["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["result", "result", "error", "display", "error"]);
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0]["data"]["text/plain"], "a picture of 8 x 8 pixels");
    // The PNG signature in base64.
    assert!(told[0]["data"]["image/png"].as_str().unwrap().starts_with("iVBORw0KGgo"));
    let alt = "a picture of 8 x 8 pixels";
    assert_eq!(told[0]["metadata"]["image/png"], json!({ "width": 320, "height": 320, "alt": alt }));
    assert_eq!(told[2]["ename"], "Error");
    assert!(told[2]["evalue"].as_str().unwrap().contains("(3, H, W)"));
    assert_eq!(told[4]["evalue"], "libtorch: shape '[7]' is invalid for input of size 3");
}

fn panics() {
    notebook::init().unwrap();
    notebook::init().unwrap();
    let _ = std::panic::catch_unwind(|| panic!("my {} words", "own"));
    let _ = std::panic::catch_unwind(|| tch::Tensor::from_slice(&[1, 2, 3]).reshape([7]));
    let _ = std::panic::catch_unwind(|| std::panic::panic_any(5));
}

#[test]
fn a_panic_is_an_error_message_without_machinery() {
    let told = messages("panics");
    assert_eq!(
        told[0],
        json!({ "type": "error", "ename": "Panic", "evalue": "my own words", "traceback": ["Panic: my own words"] })
    );
    let torch = "libtorch: shape '[7]' is invalid for input of size 3";
    assert_eq!(told[1]["evalue"], torch);
    let traceback: Vec<&str> =
        told[1]["traceback"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert_eq!(traceback, [format!("Panic: {torch}").as_str(), "  raised inside tch-0.26.0"]);
    assert_eq!(told[2]["evalue"], "a panic without a message");
    assert_eq!(told.len(), 3);
}

/// Waits up to ten seconds for the flag, and tells what becomes of it.
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

/// Starts the waiting scene, sends SIGINT when it is ready, and gives its output and how it ended.
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
    // The kernel is told once that this cell listens, and once that it has heard.
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
