"""The checks that Jupyter's own kernel test suite makes of every kernel."""

import jupyter_kernel_test
from conftest import KERNEL

SHOW = r"""println!("\x1eherbarium {{\"type\":\"display\",\"data\":{{\"image/png\":\"AAAA\"}}}}");"""
CLEAR = r"""println!("\x1eherbarium {{\"type\":\"clear\",\"wait\":true}}");"""

# The first cell waits for evcxr to start.
jupyter_kernel_test.TIMEOUT = 60


class Protocol(jupyter_kernel_test.KernelTests):
    kernel_name = KERNEL
    language_name = "rust"
    file_extension = ".rs"
    code_hello_world = 'println!("hello, world")'
    code_stderr = 'eprintln!("oops")'
    completion_samples = [
        {"text": "let v: Vec<i32> = Vec::new(); v.is_emp", "matches": {"is_empty"}},
        {"text": 'let é = "🌺"; é.to_upper', "matches": {"to_uppercase"}},
    ]
    complete_code_samples = ["1 + 1", "fn f() {\n}", ":dep serde", "!ls", "// a comment", 'let s = "{";']
    incomplete_code_samples = ["fn f() {", "let x = [1,", '"abc', "/* a", "let y ="]
    invalid_code_samples = ["}", "fn 1() {}", "let = 3;", "(]"]
    code_generate_error = 'panic!("no")'
    code_execute_result = [
        {"code": "1 + 1", "result": "2"},
        {"code": '"a"', "result": '"a"'},
        {"code": "vec![1, 2]", "result": "[1, 2]"},
    ]
    code_display_data = [{"code": SHOW, "mime": "image/png"}]
    supported_history_operations = ("tail", "range", "search")
    code_history_pattern = "1 +*"
    code_inspect_sample = "Vec::<i32>::with_capacity"
    code_clear_output = CLEAR
    code_page_something = "?Vec::<i32>::with_capacity"


# Only with samples.
del jupyter_kernel_test
