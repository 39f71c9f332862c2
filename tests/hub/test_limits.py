"""Limits that a hub sets end a cell with a message that names them."""

import pathlib

import pytest

GIB = 1 << 30


@pytest.fixture
def cgroup():
    """A group of processes that may use 1.5 GiB, of either version of cgroups."""
    first = pathlib.Path("/sys/fs/cgroup/memory")
    folder, limit = (first, "memory.limit_in_bytes") if first.is_dir() else (first.parent, "memory.max")
    folder /= "herbarium-test"
    try:
        folder.mkdir()
        (folder / limit).write_text(str(3 * GIB // 2))
    except OSError as error:
        pytest.skip(f"no cgroup for memory can be made here: {error}")
    yield folder
    folder.rmdir()


def test_memory_of_a_process(users):
    """An allocation that Rust makes ends the program; one of libtorch's is an error, and variables are kept."""
    limit = [f"--as={12 * GIB}"]
    said = users[0].cells("let petals = 5;", "let many: Vec<u8> = vec![1; 40_000_000_000]; many.len()", "petals", limits=limit)
    assert "37.3 GiB of memory at once" in said and "may use 12.0 GiB of memory here (ulimit -v)" in said and "smaller batches" in said, said
    torch = "let many = Tensor::f_zeros([200_000, 100_000], (Kind::Float, Device::Cpu))?; many.size()"
    said = users[0].cells("let petals = 5;", torch, "petals + 3", limits=limit)
    assert "may use 12.0 GiB of memory here (ulimit -v)" in said and "\n8\n" in said, said


def test_memory_of_a_server(users, cgroup):
    """The system ends the cells' process, and not the kernel."""
    greedy = "let mut many: Vec<Vec<u8>> = Vec::new(); for _ in 0..100 { many.push(vec![1; 50_000_000]); } many.len()"
    said = users[0].cells("let petals = 5;", greedy, "1 + 1", cgroup=cgroup)
    assert "SIGKILL (by the system, because the memory was full)" in said and "may use 1.5 GiB of memory here (its cgroup)" in said, said
    assert "\n2\n" in said, said


def test_processor_time(users):
    said = users[0].cells("let mut x = 1u64; loop { x = std::hint::black_box(x.wrapping_mul(3)); if x == 0 { break } }", limits=["--cpu=10:20"])
    assert "SIGXCPU" in said and "10 s of processor time here (ulimit -t)" in said, said


def test_processes_of_a_user(users):
    # The scope waits for the threads that were started, so that the next cell can be compiled.
    threads = "std::thread::scope(|all| for _ in 0..500 { all.spawn(|| std::thread::sleep(std::time::Duration::from_secs(1))); });"
    said = users[0].cells("let petals = 5;", threads, "petals + 3", limits=["--nproc=120"])
    assert "No process or thread can be started" in said and "120 processes and threads at a time here (ulimit -u)" in said, said
    assert "\n8\n" in said, said
