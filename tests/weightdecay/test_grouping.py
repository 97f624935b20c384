"""Parameter groups: what decays in models of every kind, beside timm's choice."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from weightdecay.grouping import groups


def decayed(model, **how):
    """Return the names of what decays, and of what does not."""
    found = groups(model, 0.1, **how)
    return (
        {n for c in found.choices if c.weight_decay for n in c.names},
        {n for c in found.choices if not c.weight_decay for n in c.names},
    )


class Tied(nn.Module):
    """An embedding, a norm and a head that is the embedding."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(7, 4)
        self.mix = nn.Linear(4, 4)
        self.norm = nn.LayerNorm(4)
        self.head = nn.Linear(4, 7, bias=False)
        self.head.weight = self.embed.weight


class Own(nn.Module):
    """Parameters of its own: an expert's matrices and biases, a gain, a scalar."""

    def __init__(self):
        super().__init__()
        self.experts = nn.Parameter(torch.ones(3, 4, 4))
        self.expert_bias = nn.Parameter(torch.ones(3, 4))
        self.gain = nn.Parameter(torch.ones(1, 4, 1, 1))
        self.temperature = nn.Parameter(torch.tensor(1.0))


@pytest.mark.parametrize(
    ("model", "matrices", "rest"),
    [
        (nn.Linear(4, 1), {"weight"}, {"bias"}),
        (nn.Conv2d(3, 3, 1, groups=3), {"weight"}, {"bias"}),
        (nn.LayerNorm((3, 4)), set(), {"weight", "bias"}),
        (nn.BatchNorm2d(3), set(), {"weight", "bias"}),
        (nn.GroupNorm(1, 3), set(), {"weight", "bias"}),
        (nn.RMSNorm((3, 4)), set(), {"weight"}),
        (nn.PReLU(3), set(), {"weight"}),
        (
            nn.GRU(4, 1),
            {"weight_ih_l0", "weight_hh_l0"},
            {"bias_ih_l0", "bias_hh_l0"},
        ),
        (
            nn.LSTM(4, 3, proj_size=1),
            {"weight_ih_l0", "weight_hh_l0", "weight_hr_l0"},
            {"bias_ih_l0", "bias_hh_l0"},
        ),
        (
            nn.MultiheadAttention(4, 2, add_bias_kv=True),
            {"in_proj_weight", "out_proj.weight"},
            {"in_proj_bias", "out_proj.bias", "bias_k", "bias_v"},
        ),
        (
            nn.MultiheadAttention(4, 2, kdim=3, bias=False),
            {"q_proj_weight", "k_proj_weight", "v_proj_weight", "out_proj.weight"},
            set(),
        ),
        (nn.EmbeddingBag(5, 1), {"weight"}, set()),
        (nn.Bilinear(1, 1, 2), {"weight"}, {"bias"}),
        (
            parametrizations.weight_norm(nn.Linear(4, 1)),
            {"parametrizations.weight.original1"},
            {"bias", "parametrizations.weight.original0"},
        ),
        (
            nn.Sequential(parametrizations.spectral_norm(nn.Linear(4, 1))),
            {"0.parametrizations.weight.original"},
            {"0.bias"},
        ),
        (nn.Linear(2, 2, dtype=torch.complex64), {"weight"}, {"bias"}),
        (Own(), {"experts"}, {"expert_bias", "gain", "temperature"}),
        (Tied(), {"embed.weight", "head.weight", "mix.weight"}, {
            "mix.bias", "norm.weight", "norm.bias",
        }),
    ],
)  # fmt: skip
def test_matrices_decay_and_nothing_else(model, matrices, rest):
    assert decayed(model) == (matrices, rest)
    found = groups(model, 0.1)
    every = [p for group in found for p in group["params"]]
    assert {id(p) for p in every} == {id(p) for p in model.parameters()}
    assert len(every) == len({id(p) for p in every})
    torch.optim.SGD(found, lr=0.1)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_the_older_weight_norm_is_known_too():
    model = nn.utils.weight_norm(nn.Linear(4, 1))
    assert decayed(model) == ({"weight_v"}, {"weight_g", "bias"})


def test_embeddings_are_left_out_if_asked_and_with_them_what_is_tied():
    _, rest = decayed(Tied(), embeddings=False)
    assert {"embed.weight", "head.weight"} <= rest
    (choice,) = [c for c in groups(Tied(), 0.1).choices if "head.weight" in c.names]
    assert choice.names == ("embed.weight", "head.weight") and choice.numbers == 28


def test_a_frozen_one_is_in_no_group_and_the_model_s_own_wish_is_heard():
    model = Tied()
    model.mix.weight.requires_grad_(False)
    model.no_weight_decay = lambda: {"head.weight"}
    found = groups(model, 0.1)
    stepped = {id(p) for group in found for p in group["params"]}
    assert id(model.mix.weight) not in stepped
    assert [group["weight_decay"] for group in found] == [0.0]
    text = str(found)
    assert "Nothing decays." in text and "frozen" in text
    assert "embed.weight = head.weight" in text and "in no_weight_decay()" in text


def test_a_compiled_model_and_one_on_several_devices_have_the_names_of_the_inner_one():
    model = Tied()
    for wrapped in (torch.compile(model, backend="eager"), nn.DataParallel(model)):
        assert decayed(wrapped) == decayed(model)


def test_what_is_asked_by_name_comes_last():
    how = {"*.bias": True, "mix.bias": 0.5, "embed.*": False}
    found = groups(Tied(), 0.1, override=how)
    decays = {c.names[0]: c.weight_decay for c in found.choices}
    assert decays == {
        "embed.weight": 0.0, "mix.weight": 0.1, "mix.bias": 0.5,
        "norm.weight": 0.0, "norm.bias": 0.1,
    }  # fmt: skip
    assert [group["weight_decay"] for group in found] == [0.5, 0.1, 0.0]


def flat():
    model = nn.Linear(2, 2)
    model.weight._is_flat_param = True
    return model


def frozen():
    return nn.Linear(2, 2).requires_grad_(False)


@pytest.mark.parametrize(
    ("model", "how", "said"),
    [
        (nn.Sequential(), {}, "no parameters"),
        (frozen(), {}, "all are frozen. Set requires_grad"),
        (nn.LazyLinear(3), {}, "weight has no shape yet.* run one batch"),
        (flat(), {}, "flattened by FSDP.* use_orig_params=True"),
        (nn.Linear(2, 2), {"weight_decay": -1}, "weight_decay must be .*got -1"),
        (
            nn.Linear(2, 2),
            {"weight_decay": float("nan")},
            "weight_decay must .*got nan",
        ),
        (nn.Linear(2, 2), {"override": {"wieght": True}}, "'wieght'. There are weight"),
        (nn.Linear(2, 2), {"override": {"bias": -2.0}}, "weight_decay must .* -2"),
        (nn.Linear(2, 2), {"override": {"zzz*": True}}, "There are weight, bias"),
    ],
)
def test_what_can_t_be_grouped_is_refused_in_words(model, how, said):
    with pytest.raises(ValueError, match=said):
        groups(model, **{"weight_decay": 0.1, **how})


@pytest.mark.parametrize("model", [None, [nn.Parameter(torch.ones(2))], nn.Linear])
def test_what_is_no_model_is_refused(model):
    with pytest.raises(TypeError, match=r"model must be an nn\.Module, got"):
        groups(model, 0.1)


def test_no_decay_at_all_is_one_group():
    (group,) = groups(nn.Linear(2, 2), 0.0)
    assert group["weight_decay"] == 0 and len(group["params"]) == 2


class Net(nn.Module):
    """What timm and we take for the same."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.gamma = nn.Parameter(torch.ones(8))
        self.head = nn.Linear(8, 10)


@pytest.mark.parametrize(
    ("make", "timm_alone", "ours_alone"),
    [
        (Net, set(), set()),
        (lambda: nn.TransformerEncoderLayer(8, 2), set(), set()),
        # A gain of two dimensions is no matrix.
        (lambda: nn.LayerNorm((3, 4)), {"weight"}, set()),
        # Nor are an attention's own biases, of three dimensions.
        (
            lambda: nn.MultiheadAttention(4, 2, add_bias_kv=True),
            {"bias_k", "bias_v"},
            set(),
        ),
        # timm looks for ".bias": at the top of a model there is no dot.
        (Own, {"expert_bias", "gain"}, set()),
        # The size that weight_norm takes out has the shape of a column.
        (
            lambda: parametrizations.weight_norm(nn.Linear(4, 3)),
            {"parametrizations.weight.original0"},
            set(),
        ),
    ],
)  # fmt: skip
def test_timm_decays_the_same_but_for_these(make, timm_alone, ours_alone):
    timm = pytest.importorskip("timm.optim", reason="`make frameworks` installs it")
    model = make()
    names = {id(p): name for name, p in model.named_parameters()}
    theirs = {
        names[id(p)]
        for group in timm.param_groups_weight_decay(model, 0.1)
        if group["weight_decay"]
        for p in group["params"]
    }
    ours, _ = decayed(model)
    assert theirs - ours == timm_alone and ours - theirs == ours_alone


def test_timm_misses_a_tied_head_that_the_model_names_otherwise():
    timm = pytest.importorskip("timm.optim", reason="`make frameworks` installs it")
    model = Tied()
    no_decay = {"head.weight"}
    theirs = timm.param_groups_weight_decay(model, 0.1, no_weight_decay_list=no_decay)
    spared = [p for g in theirs if not g["weight_decay"] for p in g["params"]]
    assert all(p is not model.head.weight for p in spared)
    model.no_weight_decay = lambda: no_decay
    assert "head.weight" in decayed(model)[1]
