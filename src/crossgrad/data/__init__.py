"""Data of several domains: read, split, prepared."""

from crossgrad.data.arrays import read_archived_inputs, read_arrays
from crossgrad.data.audio_decoding import AudioDecoding
from crossgrad.data.benchmarks import BENCHMARKS, Benchmark
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.decoding import Decoding, decoding_from_json
from crossgrad.data.domain_split import DomainSplit, random_domain_split
from crossgrad.data.fewer_domains import with_training_domains
from crossgrad.data.folder import read_folder
from crossgrad.data.held_out import default_protocol, held_out_folds, left_out_domains, validation_folds
from crossgrad.data.image_decoding import ImageDecoding
from crossgrad.data.lazy_inputs import LazyInputs
from crossgrad.data.manifest import read_manifest
from crossgrad.data.opening import open_dataset
from crossgrad.data.split_checks import check_dataset, check_split
from crossgrad.data.splits import Split, random_split, split, training_subset
from crossgrad.data.standardisation import Standardisation
from crossgrad.data.training_sets import training_set, with_unlabelled

__all__ = [
    "DomainDataset",
    "LazyInputs",
    "open_dataset",
    "read_arrays",
    "read_archived_inputs",
    "read_folder",
    "read_manifest",
    "BENCHMARKS",
    "Benchmark",
    "Split",
    "split",
    "random_split",
    "training_subset",
    "training_set",
    "with_training_domains",
    "with_unlabelled",
    "held_out_folds",
    "left_out_domains",
    "DomainSplit",
    "random_domain_split",
    "validation_folds",
    "default_protocol",
    "check_dataset",
    "check_split",
    "ImageDecoding",
    "AudioDecoding",
    "Decoding",
    "decoding_from_json",
    "Standardisation",
]
