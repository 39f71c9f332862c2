//! The weights that travel with the crate.

use std::path::Path;

use herbarium::data::{DataLoader, PlantOptions, draw_plants};
use herbarium::prelude::{
    Compose, IMAGENET_MEAN, IMAGENET_STD, ImageFolder, LoaderOptions, normalize, resize, to_tensor,
};
use herbarium::weights::{load, load_safetensors};

use super::*;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("weights").join(name)
}

#[test]
fn the_files_are_small_and_say_what_they_are() -> Outcome {
    let mut bytes = 0;
    for entry in fs::read_dir(file(""))? {
        let path = entry?.path();
        bytes += fs::metadata(&path)?.len();
        let (_, metadata) = load_safetensors(&path)?;
        assert!(
            metadata["about"].ends_with("pretrained on 300 painted species, not on ImageNet"),
            "{metadata:?}"
        );
    }
    assert!(fs::metadata(file("resnet18-painted.safetensors"))?.len() <= 12_000_000);
    assert!(bytes <= 16_000_000, "{bytes}");
    Ok(())
}

#[test]
fn they_are_the_whole_network_but_for_its_head() -> Outcome {
    for network in ["resnet18", "squeezenet1_1", "mobilenet_v3_small"] {
        let model = initialize_model(network, 5, Pretrained::No, Device::Cpu)?;
        let painted = load(file(&format!("{network}-painted.safetensors")))?;
        let own = model.state_dict();
        let is_head = |name: &str| model.head().iter().any(|head| name.starts_with(&format!("{head}.")));
        let body: Vec<String> = own.keys().into_iter().filter(|name| !is_head(name)).collect();
        assert_eq!(painted.keys(), body, "{network}");
        for (name, tensor) in &painted {
            let own = own.get(name).ok_or("a name that the model lacks")?;
            assert_eq!((tensor.size(), tensor.kind()), (own.size(), own.kind()), "{network}: {name}");
        }
    }
    Ok(())
}

/// docs/pretraining.md states the accuracy on 1500 held-out pictures; these are 200 others, of 40 species.
#[test]
fn they_recognize_plants_that_they_have_never_seen() -> Outcome {
    let folder = Folder::new("painted")?;
    let options = PlantOptions { species: 40, train: 1, valid: 5, side: 128, seed: 1 };
    draw_plants(folder.file("plants"), options)?;
    let transform = Compose::new(vec![resize([64, 64]), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]);
    let plants = ImageFolder::new(folder.file("plants/valid"), transform)?;
    let labels = plants.classes();

    // The head's outputs are the labels "1" to "300", sorted as text.
    let mut outputs: Vec<String> = (1..=300).map(|label: u32| label.to_string()).collect();
    outputs.sort();
    let mut model = initialize_model("resnet18", 300, Pretrained::No, Device::Cpu)?;
    for part in ["resnet18-painted.safetensors", "painted-head-of-resnet18.safetensors"] {
        model.load_state_dict(&load(file(part))?, Strictness::Partial)?;
    }
    model.eval();
    let (mut right, mut all) = (0, 0);
    for batch in DataLoader::new(plants, LoaderOptions { batch_size: 50, ..Default::default() }).iter() {
        let batch = batch?;
        let guesses = Vec::<i64>::try_from(tch::no_grad(|| model.forward(&batch.images))?.argmax(1, false))?;
        let truth = Vec::<i64>::try_from(&batch.labels)?;
        right +=
            guesses.iter().zip(&truth).filter(|(g, t)| outputs[**g as usize] == labels[**t as usize]).count();
        all += truth.len();
    }
    println!("{right} of {all}");
    assert_eq!(all, 200);
    assert!(right as f64 / all as f64 > LEAST, "{right} of {all}");
    Ok(())
}

/// The documented accuracy less three standard errors of 200 pictures.
const LEAST: f64 = 0.70;
