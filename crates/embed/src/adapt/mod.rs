//! Domain adaptation: a pretrained encoder is trained further on the texts of the reviews, without labels (Gururangan et
//! al. 2020), before it is fine-tuned.

mod task;

use artifact::{Artifact, Failure, Split, StageName, format};
use classifier::{
    ActivationWeights, ChosenDevice, ComputePath, LIBTORCH_VERSION, MaskedLanguageModel,
    TokenContract, TokenRows, Weights, choose_device,
};
use settings::{AdaptationSettings, Schedule, TrainingSettings};
use stage::{Context, Outcome, install_signal_handlers, save_requested, stop_requested};
use training::{CheckpointManager, Record, TrainContext, TrainError, train};

use task::{MaskedTask, Score};

use crate::learned::Corpus;
use crate::write_figures;

/// The figures of the adaptation in the artifact.
const ADAPTATION: &str = "adaptation.json";

/// The settings of the optimizer and of the learning rate.
fn training_settings(settings: &AdaptationSettings) -> TrainingSettings {
    TrainingSettings {
        epochs: settings.epochs,
        batch_size: settings.batch_size,
        shard_size: Some(settings.shard_size),
        learning_rate: settings.learning_rate,
        schedule: Schedule::Linear,
        warm_up: settings.warm_up,
        ..TrainingSettings::default()
    }
}

/// Trains the encoder in the output folder further, and replaces its weights. `imported` is the outcome of the import.
pub(crate) fn adapt(
    context: &Context,
    settings: &AdaptationSettings,
    seed: u64,
    mut imported: Outcome,
) -> Result<Outcome, Failure> {
    let tokens = context.input(StageName::Tokenize);
    let contract = TokenContract::of(tokens)?;
    let mask = mask_id(tokens)?;
    let corpus = Corpus::open(tokens, settings.unlabelled)?;
    let run = context.run();
    let device = choose_device(run)?;
    let (kind, reason) = device.activation_kind(settings.precision);
    let progress = context.progress();
    progress.note(&format!("device: {}", device.describe()));
    let name = ChosenDevice::kind_name(kind);
    progress.note(&format!("activations: {name} ({reason}), weights: f32"));
    let model = MaskedLanguageModel::load(context.output(), seed)?;
    let layout = model.layout();
    let note = |text: &str| progress.note(text);
    let mut manager = CheckpointManager::new(context.resume_directory()?, run.checkpoint, &note);
    let (flat, frozen) = (layout.initial(device.device), None);
    let mut weights = Weights { flat, frozen };
    let task = MaskedTask {
        model: &model,
        corpus: &corpus,
        settings,
        contract: &contract,
        mask,
    };
    let validation = TokenRows::open(tokens, Split::Validation)?;
    let measure = |weights: &Weights| {
        let weights = ActivationWeights::new(layout, weights, kind);
        task.measure(&weights, &validation, device.device)
    };
    // Measured with the original weights, also if the training is resumed.
    let before = measure(&weights)?;
    let training = training_settings(settings);
    let texts = corpus.texts() as u64 * u64::from(settings.epochs);
    let bar = progress.task("adapting the encoder", Some(texts), "reviews");
    install_signal_handlers();
    let trainer = TrainContext {
        task: &task,
        settings: &training,
        layer_decay: 1.0,
        seed,
        device: device.device,
        path: ComputePath::for_device(device.device),
        replicas: device.replicas,
        kind,
        may_resume_on_cpu: run.device == settings::Device::Cpu,
        until: training.epochs,
        stop: stop_requested,
        save: save_requested,
        note: &note,
    };
    let show = |rows, message: &str| {
        if !message.is_empty() {
            bar.message(message);
        }
        bar.advance(rows);
    };
    let record = &mut Record::in_memory();
    let trained = train(&trainer, &mut weights, record, &mut manager, None, &show);
    let hint = "Lower `adaptation.learning_rate`".to_owned();
    trained.map_err(|error| match error {
        TrainError::NonFinite { .. } => Failure::from(error).with_hint(hint),
        error => error.into(),
    })?;
    let after = measure(&weights)?;
    drop(bar);
    model.save_encoder(context.output(), &weights.flat)?;
    let score = |score: Score| serde_json::json!({ "loss": score.mean_loss(), "accuracy": score.accuracy() });
    let figures = serde_json::json!({
        "kind": "encoder",
        "method": "masked language model",
        "adaptation": settings,
        "seed": seed,
        "texts": corpus.texts(),
        "tokens": corpus.tokens(),
        "hidden_validation_tokens": after.masked,
        "before": score(before),
        "after": score(after),
    });
    let file = write_figures(context, ADAPTATION, &figures)?;
    imported.files.push(file);
    let reviews = format::plural(corpus.texts() as u64, "review", "reviews");
    let [after, before] = [after, before].map(|score| format::percent(score.accuracy()));
    imported.summary += &format!(
        "; adapted to {reviews}: {after} of masked tokens predicted correctly, {before} before"
    );
    imported.device = Some(device.describe());
    imported.versions = vec![("libtorch".to_owned(), LIBTORCH_VERSION.to_owned())];
    Ok(imported)
}

/// The id of the mask token in the encoder's tokenizer.
fn mask_id(tokens: &Artifact) -> Result<u32, Failure> {
    let tokenizer = text::TokenizerFile::read(&tokens.file("tokenizer.json")?)?;
    let mut names = ["[MASK]", "<mask>"].iter();
    let found = names.find_map(|name| tokenizer.tokenizer().token_to_id(name));
    found.ok_or_else(|| {
        Failure::new("The encoder cannot be adapted: its tokenizer has neither `[MASK]` nor `<mask>`")
            .with_hint("Remove `adaptation` from the table of the embedding, or use an encoder that was trained as a masked language model".to_owned())
    })
}
