//! Pictures a second of the tutorial's two pipelines, by the loader alone.
//!
//! `cargo run --release --example loader_speed -- DATA_DIR [WORKERS]`; 0 workers (the default) load in the
//! calling thread, so that the figure is that of one core.

use std::time::Instant;

use herbarium::prelude::*;

fn main() -> herbarium::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let Some(data_dir) = arguments.next() else {
        eprintln!("usage: loader_speed DATA_DIR [WORKERS]");
        std::process::exit(2);
    };
    let num_workers = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(0);
    let transforms = Splits {
        train: Compose::new(vec![
            resize(96, 96),
            random_rotation(45.0),
            center_crop(64, 64),
            random_horizontal_flip(0.5),
            random_vertical_flip(0.5),
            color_jitter(0.2, 0.1, 0.1, 0.1),
            random_grayscale(0.025),
            to_tensor(),
            normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]),
        valid: Compose::new(vec![resize(64, 64), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]),
    };
    let loaders = ImageFolder::splits(data_dir, &transforms)?.loaders(LoaderOptions {
        batch_size: 128,
        shuffle: true,
        num_workers,
        ..Default::default()
    });
    for (name, loader) in &loaders {
        // The first epoch reads the files into the system's cache.
        for _ in 0..3 {
            let start = Instant::now();
            let mut count = 0;
            for batch in loader {
                count += batch?.len();
            }
            println!("{name}: {:.0} img/s", count as f64 / start.elapsed().as_secs_f64());
        }
    }
    Ok(())
}
