"""`herbarium run --processes`: one notebook on several processes, here without the crate."""

import os
import signal
import subprocess
import time

import nbformat
from test_kernel import write_notebook

RANK = 'let rank = std::env::var("RANK")?;'
#: Which ranks have come to the last cell.
LAST = 'std::fs::write(format!("last_{rank}"), "")?;\nprintln!("{rank} of {}", std::env::var("WORLD_SIZE")?);'


def start(folder, cells, *words):
    write_notebook(folder / "in.ipynb", cells)
    return subprocess.Popen(
        [os.environ["HERBARIUM_BIN"], "run", "in.ipynb", "-o", "out.ipynb", *words],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )


def texts(folder):
    cells = nbformat.read(folder / "out.ipynb", 4).cells
    return ["".join(output.get("text", "") for output in cell["outputs"]) for cell in cells]


def test_processes_run_one_notebook_with_one_set_of_outputs(tmp_path):
    process = start(tmp_path, [RANK, LAST], "--processes", "3")
    out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, ""), out + err
    assert sorted(path.name for path in tmp_path.glob("last_*")) == ["last_0", "last_1", "last_2"]
    assert texts(tmp_path) == ["", "0 of 3\n"]
    assert out.count("[2/2]") == 1 and out.count(" of 3") == 1


def test_a_rank_that_fails_is_named_and_all_start_again(tmp_path):
    fails = 'if rank == "1" && !std::fs::exists("again")? { std::fs::write("again", "")?; Err::<(), _>("bad luck")?; }'
    process = start(tmp_path, [RANK, fails, LAST], "--processes=2", "--restarts=1")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    assert "rank 1: [2/3] if rank ==" in err and "bad luck" in err
    assert "all 2 processes start again (1 of 1)" in err
    assert texts(tmp_path) == ["", "", "0 of 2\n"]
    # Without a further start the failure is the run's.
    (tmp_path / "again").unlink()
    process = start(tmp_path, [RANK, fails, LAST], "--processes=2")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 1 and "bad luck" in err


def test_an_interrupt_reaches_all_processes(tmp_path):
    waits = 'std::fs::write(format!("waits_{rank}"), "")?;\nloop { std::thread::sleep(std::time::Duration::from_millis(10)); }'
    process = start(tmp_path, [RANK, waits], "--processes=2", "--restarts=5")
    while len(list(tmp_path.glob("waits_*"))) < 2:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 1 and "was interrupted" in out, out + err
    assert "start again" not in err


def test_processes_start_no_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    out, err = start(tmp_path, [RANK], "--processes=2").communicate(timeout=60)
    assert "this process is already one of several (WORLD_SIZE is set)" in err, out + err
