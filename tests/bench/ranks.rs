//! What several processes make of a training step: `cargo bench --bench ranks`, one JSON line a figure.
//!
//! A step of fine-tuning ResNet18 in three ways: alone, with the exchange of gradients after the backward pass, and with DDP's
//! reducer, which exchanges while it computes. Each process has one thread. STEPS=15 measures for longer.

use std::net::TcpListener;
use std::process::Command;
use std::time::Instant;

use herbarium::prelude::*;
use herbarium::train::distributed::{DistributedDataParallel, Group, Reduce};
use serde_json::json;

/// Side of a picture in pixels, pictures of a rank's batch.
const SHAPES: [(i64, i64); 2] = [(64, 128), (224, 16)];
const WORLDS: [usize; 2] = [1, 2];

fn main() {
    if std::env::var_os("RANK").is_some() {
        rank().unwrap();
        return;
    }
    for world in WORLDS {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let start = |rank: usize| {
            Command::new(std::env::current_exe().unwrap())
                .envs([("RANK", rank.to_string()), ("WORLD_SIZE", world.to_string())])
                .envs([("MASTER_ADDR", "127.0.0.1".to_owned()), ("MASTER_PORT", port.to_string())])
                .env("OMP_NUM_THREADS", "1")
                .spawn()
                .unwrap()
        };
        let ranks: Vec<_> = (0..world).map(start).collect();
        ranks.into_iter().for_each(|mut rank| assert!(rank.wait().unwrap().success()));
    }
}

fn rank() -> herbarium::Result<()> {
    let steps: usize = std::env::var("STEPS").map_or(5, |steps| steps.parse().unwrap());
    let group = Group::from_env()?;
    seed(0);
    let mut model = initialize_model("resnet18", 102, Pretrained::No, Device::Cpu)?;
    model.train();
    let mut optimizer = Sgd::new(model.trainable_parameters(), 1e-3);
    let criterion = CrossEntropyLoss::new();
    for (size, batch) in SHAPES {
        let images = Tensor::randn([batch, 3, size, size], (Kind::Float, Device::Cpu));
        let labels = Tensor::randint(102, [batch], (Kind::Int64, Device::Cpu));
        for way in ["alone", "exchange after backward", "reducer"] {
            if group.world() == 1 && way != "alone" {
                continue;
            }
            let parallel =
                (way == "reducer").then(|| DistributedDataParallel::new(&group, &model)).transpose()?;
            let mut times = Vec::new();
            // The first one is for warming up.
            for _ in 0..=steps {
                group.barrier()?;
                let start = Instant::now();
                optimizer.zero_grad()?;
                let forward = || criterion.forward(&model.forward(&images)?, &labels);
                match &parallel {
                    Some(parallel) => parallel.backward(&parallel.forward(forward)?)?,
                    None => forward()?.f_backward()?,
                }
                if way == "exchange after backward" {
                    exchange(&group, &model)?;
                }
                optimizer.step()?;
                times.push(start.elapsed().as_secs_f64());
            }
            if group.rank() == 0 {
                let mut times = times.split_off(1);
                times.sort_by(f64::total_cmp);
                let median = times[times.len() / 2];
                let images = (group.world() as i64 * batch) as f64 / median;
                println!(
                    "{}",
                    json!({"bench": "ranks", "network": "resnet18", "size": size, "batch": batch, "processes": group.world(),
                           "way": way, "step_ms": (median * 1e4).round() / 10.0, "least_ms": (times[0] * 1e4).round() / 10.0,
                           "images_per_second": (images * 10.0).round() / 10.0})
                );
            }
        }
    }
    let gradients = Tensor::zeros([model.named_parameters().numel() as i64], (Kind::Float, Device::Cpu));
    let mut times: Vec<f64> = Vec::new();
    for _ in 0..=4 * steps {
        group.barrier()?;
        let start = Instant::now();
        group.all_reduce(&gradients, Reduce::Sum)?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    if group.rank() == 0 && group.world() > 1 {
        let (megabytes, median) = (gradients.numel() as f64 * 4e-6, times[times.len() / 2]);
        println!(
            "{}",
            json!({"bench": "ranks", "all_reduce_mb": (megabytes * 10.0).round() / 10.0, "processes": group.world(), "ms": (median * 1e4).round() / 10.0})
        );
    }
    Ok(())
}

/// All gradients in one piece.
fn exchange(group: &Group, model: &Model) -> herbarium::Result<()> {
    let gradients: Vec<Tensor> = model.trainable_parameters().iter().map(|own| own.tensor.grad()).collect();
    let flat =
        Tensor::f_cat(&gradients.iter().map(|gradient| gradient.reshape([-1])).collect::<Vec<_>>(), 0)?;
    group.all_reduce(&flat, Reduce::Mean)?;
    let mut at = 0;
    for mut gradient in gradients {
        let count = gradient.numel() as i64;
        gradient.copy_(&flat.narrow(0, at, count).view_as(&gradient));
        at += count;
    }
    Ok(())
}
