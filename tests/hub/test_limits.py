"""Limits that a hub sets end a cell with a message that names them."""

import pathlib

import pytest

GIB = 1 << 30


# What a group of processes may have: the limit's file in the first version of cgroups and in the second, and its value.
OF_GROUPS = {
    "memory": ("memory.limit_in_bytes", "memory.max", 3 * GIB // 2),
    "pids": ("pids.max", "pids.max", 90),
}


@pytest.fixture
def cgroup(request):
    """A group of processes with a limit on what the test names, of either version of cgroups."""
    controller = request.param
    in_first, in_second, value = OF_GROUPS[controller]
    first = pathlib.Path("/sys/fs/cgroup") / controller
    folder, limit = (first, in_first) if first.is_dir() else (first.parent, in_second)
    folder /= "herbarium-test"
    try:
        folder.mkdir()
        (folder / limit).write_text(str(value))
    except OSError as error:
        pytest.skip(f"no cgroup for {controller} can be made here: {error}")
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


@pytest.mark.parametrize("cgroup", ["memory"], indirect=True)
def test_memory_of_a_server(users, cgroup):
    """The system ends the cells' process, and not the kernel."""
    greedy = "let mut many: Vec<Vec<u8>> = Vec::new(); for _ in 0..100 { many.push(vec![1; 50_000_000]); } many.len()"
    said = users[0].cells("let petals = 5;", greedy, "1 + 1", cgroup=cgroup)
    assert "SIGKILL (by the system, because the memory was full)" in said and "may use 1.5 GiB of memory here (its cgroup)" in said, said
    assert "\n2\n" in said, said


def test_processor_time(users):
    said = users[0].cells("let mut x = 1u64; loop { x = std::hint::black_box(x.wrapping_mul(3)); if x == 0 { break } }", limits=["--cpu=10:20"])
    assert "SIGXCPU" in said and "10 s of processor time here (ulimit -t)" in said, said


# The scope waits for the threads that were started, so that the next cell can be compiled.
THREADS = "std::thread::scope(|all| for _ in 0..500 { all.spawn(|| std::thread::sleep(std::time::Duration::from_secs(1))); });"


@pytest.mark.parametrize("cgroup", ["pids"], indirect=True)
def test_processes_of_a_server(users, cgroup):
    said = users[0].cells("let petals = 5;", THREADS, "petals + 3", cgroup=cgroup)
    assert "No process or thread can be started" in said and "90 processes and threads at a time here (its cgroup)" in said, said
    assert "\n8\n" in said, said


def test_files_and_their_size(users):
    files = 'let many: Result<Vec<_>, _> = (0..500).map(|_| std::fs::File::open("/dev/null")).collect(); many?.len()'
    said = users[0].cells("let petals = 5;", files, "petals + 3", limits=["--nofile=200"])
    assert "(200 here: `ulimit -n`)" in said and "\n8\n" in said, said
    large = 'std::fs::write("large", vec![0u8; 100_000_000])?;'
    said = users[0].cells("let petals = 5;", large, "petals + 3", limits=["--fsize=80000000"])
    assert "76.3 MiB here (`ulimit -f`)" in said or "SIGXFSZ" in said, said


def test_processes_of_a_user(users):
    said = users[0].cells("let petals = 5;", THREADS, "petals + 3", limits=["--nproc=120"])
    assert "No process or thread can be started" in said and "120 processes and threads at a time here (ulimit -u)" in said, said
    assert "\n8\n" in said, said
