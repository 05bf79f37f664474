"""Libraries and collections of programs that people learn from and train with."""

from tests.public.runner import Package

_TRANSFORMERS = """
import os
os.environ["HF_HUB_OFFLINE"] = "1"
import transformers
transformers.logging.set_verbosity_error()
"""
_TINY = "hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, vocab_size=99"


def _language(config: str, model: str, options: str, *, more: str = "") -> str:
    """A model of the transformers package with random weights, trained on tokens."""
    return f"""
from transformers import {config}, {model}
config = {config}({options})
config.use_cache = False
torch.manual_seed(0)
model = {model}(config)
tokens = integers(99, 2, 9)
train(model, call=lambda: model(input_ids=tokens, labels=tokens{more}), loss=lambda r: r.loss, steps=3)
"""


TRANSFORMERS = Package(
    "transformers",
    "5.24.0",
    needs=(
        "tokenizers==0.23.1", "huggingface_hub==1.9.0", "safetensors", "regex", "pyyaml", "requests", "tqdm",
        "packaging", "filelock", "typing_extensions",
    ),
    setup=_TRANSFORMERS,
    cases={
        "gpt2": _language("GPT2Config", "GPT2LMHeadModel", "n_embd=32, n_layer=2, n_head=4, vocab_size=99, n_positions=32"),
        "llama": _language("LlamaConfig", "LlamaForCausalLM", f"{_TINY}, num_key_value_heads=2, max_position_embeddings=32"),
        "bert": _language("BertConfig", "BertForMaskedLM", f"{_TINY}, max_position_embeddings=32", more=", attention_mask=(tokens > 3).long()"),
        "t5": _language("T5Config", "T5ForConditionalGeneration", "d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4, vocab_size=99"),
    },
)  # fmt: skip

PACKAGES = [TRANSFORMERS]
