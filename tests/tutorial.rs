//! The tutorial as a program: it trains, keeps what was best, and shows what it predicts.

use herbarium::prelude::*;
use herbarium::train::NumEpochs;

#[allow(dead_code)]
#[path = "../examples/tutorial.rs"]
mod program;

#[test]
fn the_program_keeps_the_weights_whose_accuracy_it_says() -> Result<()> {
    let data_dir = data::flowers()?;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();

    let best_acc = program::tutorial(&data_dir, NumEpochs { frozen: 1, fine_tuning: 1 }, folder)?;
    let checkpoint = Checkpoint::load(folder.join("best.safetensors"))?;
    assert_eq!(checkpoint.best_acc, best_acc);
    // Even one epoch on pretrained weights is better than guessing, twice over.
    assert!(best_acc > 2.0 / checkpoint.num_classes as f64, "{best_acc}");

    let mut model = initialize_model("resnet18", checkpoint.num_classes, Pretrained::No, Device::Cpu)?;
    checkpoint.load_into(&mut model)?;
    let transform = Compose::new(vec![resize([64, 64]), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]);
    let valid = ImageFolder::new(data_dir.join("valid"), transform)?;
    let loader = DataLoader::new(valid, LoaderOptions { batch_size: 128, ..Default::default() });
    let again = evaluate(&model, &loader, &CrossEntropyLoss::new())?;
    assert_eq!(again.accuracy, best_acc, "of the weights in the file");
    let picture = image::open(folder.join("predictions.png")).unwrap();
    assert!(picture.width() > 500 && picture.height() > 200, "{} x {}", picture.width(), picture.height());
    Ok(())
}
