#![allow(dead_code)]
mod error;
mod template;
fn main() {
    evcxr::runtime_hook();
    let t0 = std::time::Instant::now();
    let template = template::prepare(&mut |line| eprintln!("{line}")).unwrap();
    eprintln!("prepare {:?}", t0.elapsed());
    let folder = template::KernelFolder::create().unwrap();
    for (name, value) in template.variables() {
        unsafe { std::env::set_var(name, value) };
    }
    let here = std::env::current_dir().unwrap();
    std::env::set_current_dir(&folder.path).unwrap();
    let t = std::time::Instant::now();
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.current_dir(&here);
    let (ctx, out) = evcxr::EvalContext::with_subprocess_command(command).unwrap();
    let mut ctx = evcxr::CommandContext::with_eval_context(ctx);
    std::env::set_current_dir(&here).unwrap();
    eprintln!("evcxr {:?}", t.elapsed());
    std::thread::spawn(move || for l in out.stdout { println!("OUT {l}") });
    std::thread::spawn(move || for l in out.stderr { println!("ERR {l}") });
    for cell in std::env::args().nth(1).unwrap_or_default().split("@") {
        let t = std::time::Instant::now();
        let r = ctx.execute(cell);
        match r { Ok(o) => eprintln!("{cell:?} {:?} {:?} {:?}", t.elapsed(), o.content_by_mime_type, o.phases), Err(e) => eprintln!("{cell:?} {:?} ERROR {e}", t.elapsed()) }
    }
    eprintln!("total {:?}", t0.elapsed());
    std::thread::sleep(std::time::Duration::from_millis(50));
}
