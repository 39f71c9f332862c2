"""Limits that a hub sets end a cell with a message that names them."""

GIB = 1 << 30


def test_memory_of_a_process(users):
    """An allocation that Rust makes ends the program; one of libtorch's is an error, and variables are kept."""
    limit = [f"--as={12 * GIB}"]
    said = users[0].cells("let petals = 5;", "let many: Vec<u8> = vec![1; 40_000_000_000]; many.len()", "petals", limits=limit)
    assert "37.3 GiB of memory at once" in said and "may use 12.0 GiB of memory here (ulimit -v)" in said and "smaller batches" in said, said
    torch = "let many = Tensor::f_zeros([200_000, 100_000], (Kind::Float, Device::Cpu))?; many.size()"
    said = users[0].cells("let petals = 5;", torch, "petals + 3", limits=limit)
    assert "may use 12.0 GiB of memory here (ulimit -v)" in said and "\n8\n" in said, said


def test_processor_time(users):
    said = users[0].cells("let mut x = 1u64; loop { x = std::hint::black_box(x.wrapping_mul(3)); if x == 0 { break } }", limits=["--cpu=10:20"])
    assert "SIGXCPU" in said and "10 s of processor time here (ulimit -t)" in said, said


def test_processes_of_a_user(users):
    # The scope waits for the threads that were started, so that the next cell can be compiled.
    threads = "std::thread::scope(|all| for _ in 0..500 { all.spawn(|| std::thread::sleep(std::time::Duration::from_secs(1))); });"
    said = users[0].cells("let petals = 5;", threads, "petals + 3", limits=["--nproc=120"])
    assert "No process or thread can be started" in said and "120 processes and threads at a time here (ulimit -u)" in said, said
    assert "\n8\n" in said, said
