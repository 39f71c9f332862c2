//! The whole tutorial as a program: a ResNet18 learns to name flowers, first with its head alone and then with all
//! layers, and a picture shows some of its predictions. The same steps, explained, are `notebooks/flowers.ipynb`.
//!
//! ```sh
//! HERBARIUM_EPOCHS=2,1 cargo run --release --example tutorial -- out
//! ```
//!
//! The argument is the output folder. `HERBARIUM_DATA` names a folder of other photographs; without
//! `HERBARIUM_EPOCHS` the phases have the tutorial's 20 and 10 epochs.

use std::path::{Path, PathBuf};
use std::time::Instant;

use herbarium::prelude::*;
use herbarium::train::NumEpochs;

fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".into()));
    tutorial(&data::flowers()?, num_epochs(20, 10)?, &folder)?;
    Ok(())
}

/// Both phases; the best validation accuracy, 0 to 1. Writes `best.safetensors` and `predictions.png` into `folder`.
pub fn tutorial(data_dir: &Path, epochs: NumEpochs, folder: &Path) -> Result<f64> {
    let device = Device::cuda_if_available();
    let data_transforms = Splits {
        train: Compose::new(vec![
            resize([96, 96]),
            random_rotation(45.0),
            center_crop(64),
            random_horizontal_flip(0.5),
            random_vertical_flip(0.5),
            color_jitter(0.2, 0.1, 0.1, 0.1),
            random_grayscale(0.025),
            to_tensor(),
            normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]),
        valid: Compose::new(vec![resize([64, 64]), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]),
    };
    let image_datasets = ImageFolder::splits(data_dir, &data_transforms)?;
    let dataloaders =
        image_datasets.loaders(LoaderOptions { batch_size: 128, shuffle: true, ..Default::default() });
    let class_names = image_datasets.train.classes();
    let cat_to_name = CategoryNames::from_json(data_dir.join("cat_to_name.json"))?;

    let mut best = Best { acc: 0.0, filename: folder.join("best.safetensors") };

    seed(0);
    let mut model_ft = initialize_model("resnet18", class_names.len(), Pretrained::Yes, device)?;
    model_ft.freeze_all_but_head();
    println!("{}", model_ft.params_to_learn());
    let mut optimizer = Adam::new(model_ft.trainable_parameters(), 1e-2);
    let mut scheduler = StepLr::new(&optimizer, 10, 0.1);
    train_model(&mut model_ft, &dataloaders, &mut optimizer, &mut scheduler, epochs.frozen, &mut best)?;

    model_ft.unfreeze_all();
    let mut optimizer = Adam::new(model_ft.trainable_parameters(), 1e-3);
    let mut scheduler = StepLr::new(&optimizer, 7, 0.1);
    train_model(&mut model_ft, &dataloaders, &mut optimizer, &mut scheduler, epochs.fine_tuning, &mut best)?;

    let batch = dataloaders.valid.batch(0)?;
    let preds = model_ft.predict(&batch.images.to_device(device))?;
    let grid = prediction_grid(&batch, &preds, &class_names, &cat_to_name, Grid { rows: 2, columns: 4 })?;
    grid.save(folder.join("predictions.png"))?;
    Ok(best.acc)
}

/// The accuracy to beat, 0 to 1, and the file for weights that beat it.
struct Best {
    acc: f64,
    filename: PathBuf,
}

/// The tutorial's loop. Leaves the model with the best weights of this training.
fn train_model(
    model: &mut Model,
    dataloaders: &Splits<DataLoader>,
    optimizer: &mut Adam,
    scheduler: &mut StepLr,
    num_epochs: usize,
    best: &mut Best,
) -> Result<()> {
    let criterion = CrossEntropyLoss::new();
    let since = Instant::now();
    let mut best_model_wts = model.state_dict().deep_copy()?;
    for epoch in 0..num_epochs {
        println!("Epoch {epoch}/{}\n----------", num_epochs - 1);
        for (phase, dataloader) in dataloaders {
            let training = phase == "train";
            if training {
                model.train()
            } else {
                model.eval()
            }
            let _no_grad = (!training).then(tch::no_grad_guard);
            let (mut running_loss, mut running_corrects) = (0.0, 0);
            for batch in dataloader.iter() {
                let batch = batch?;
                let inputs = batch.images.to_device(model.device());
                let labels = batch.labels.to_device(model.device());
                optimizer.zero_grad()?;
                let outputs = model.forward(&inputs)?;
                let loss = criterion.forward(&outputs, &labels)?;
                if training {
                    loss.f_backward()?;
                    optimizer.step()?;
                }
                running_loss += loss.double_value(&[]) * batch.len() as f64;
                running_corrects +=
                    outputs.argmax(1, false).eq_tensor(&labels).sum(Kind::Int64).int64_value(&[]);
            }
            let epoch_loss = running_loss / dataloader.dataset_len() as f64;
            let epoch_acc = running_corrects as f64 / dataloader.dataset_len() as f64;
            println!(
                "{phase} Loss: {epoch_loss:.4} Acc: {epoch_acc:.4} after {} s",
                since.elapsed().as_secs()
            );
            if !training && epoch_acc > best.acc {
                best.acc = epoch_acc;
                best_model_wts = model.state_dict().deep_copy()?;
                Checkpoint::of(model, optimizer, best.acc, epoch)?.save(&best.filename)?;
            }
        }
        println!("Optimizer learning rate : {:.7}\n", optimizer.lr());
        scheduler.step(optimizer)?;
    }
    println!("Best val Acc: {:.6}", best.acc);
    model.load_state_dict(&best_model_wts, Strictness::Strict)?;
    Ok(())
}
