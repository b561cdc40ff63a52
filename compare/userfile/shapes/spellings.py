"""The names that people give to arguments, methods and arrays of a network, by what they stand for."""

import re
from collections.abc import Iterable
from functools import lru_cache

from .languages import in_english

_COUNT = r"(num|no|n|number|numof|noof|numberof|size|sizeof|dim)?(of)?(the)?"
_UNITS = r"(layers?)?(nodes?|neurons?|units?|sizes?|dims?|dimensions?|features?|num|count|cnt|n|width|shape|length|len)?"


def _named(text: str) -> re.Pattern[str]:
    return re.compile(f"({text})", re.IGNORECASE | re.VERBOSE)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# fmt: off
_OF_BOTH = (
    ("lr", _named(r"lr|l_?rate|lrate|learn(ing)?_?rate|eta|alpha|a?step_?size|rate|learnrate|epsilon|learning|gamma_?lr")),
    ("epochs", _named(r"""
        (n|num|max|no|number|total|training)?_?(of_?)?(epochs?|iter(ations?)?s?|iters|steps|rounds|passes|loops)(_?num|_?count|_?max)?
        |niter|niters|max_?itr
    """)),
    ("batch", _named(r"(mini)?_?batch_?(size|len|count|sz)|bs")),
    ("reg", _named(r"""
        reg(ulari[sz]ation)?(_?(rate|strength|lambda|param|coef|term))?|lambda?_?(reg|l2)?|lambd|lmbda|lmda|lam|l2|l2_?(reg|lambda)
        |weight_?decay
    """)),
    ("momentum", _named(r"momentum(_?(rate|factor|coef(ficient)?))?|mu|beta")),
    ("records", _named(r"m|(n|num|number|no|total)_?(of_?)?(samples|records|examples|observations)|n_?data")),
    ("zero", _named(r"""
        l1|decay(_?rate)?|dropout(_?(rate|prob|p))?|p_?dropout|lr_?decay|tol(erance)?
        |(error|err|loss|cost|stop(ping)?)_?(threshold|thresh|tol(erance)?|limit|goal)|(min|max|goal|stop)_?(error|err|loss|cost)
    """)),
    ("true", _named(r"(is|use|has|have|with|add|include|enable)_?bias(es)?|bias_?(active|enabled|on)")),
    ("false", _named(r"""
        verbose|print_?(cost|loss|every|error|freq)?|plot|shuffle|debug|log|show|display|disp|quiet|monitor\w*|early_?stop\w*
        |report|(give|return|with|is|do|use)_\w+|print(_\w+)?
    """)),
    ("seed", _named(r"(random_?)?(seed|state|rng)|random_?(seed|state)|generator")),
    ("none", _named(r"(eval(uation)?|test(ing)?|val(id(ation)?)?|dev)(_?\w+)?|[xy]_?(val|test|valid|dev)\w*|callback\w*")),
)
_OF_CONSTRUCTORS = (
    ("sizes", _named(r"""
        (layers?|network|net|nn)?_?(sizes?|dims?|dimensions?|structure|architecture|arch|topology|shape|spec|config(uration)?|nodes|neurons|units|layout)
        |layers?|layers?_?(nodes|units|neurons)|topology
    """)),
    ("hiddens", _named(r"""
        hidden_?(layers?_?)?(sizes|dims|units|layers|neurons|nodes)?s|hidden_?layers?(_?(sizes|dims|units|neurons|nodes))?
        |hidden_?(sizes|dims|units|nodes|neurons)|n_?hiddens
    """)),
    ("x", _named(r"x|x_?train|inputs?_?(data|arrays?|matrix)|train(ing)?_?x|data|features|x_?data")),
    ("y", _named(r"y|y_?train|targets?|labels?|(outputs?|targets?|labels?)_?(data|arrays?|matrix)|train(ing)?_?y|y_?data")),
    ("inputs", _named(rf"""
        {_COUNT}_?(in|inputs?|inp|features?|x|i|visible){_UNITS}|inputs?_?\w*|in_?(dim|size|features|units)|d|d_?in|n_?x
        |n_?features|x_?(dim|size)|n_?in|n0
    """)),
    ("outputs", _named(rf"""
        {_COUNT}_?(out|outputs?|classes|class|labels?|y|o|k|targets?){_UNITS}|outputs?_?\w*|out_?(dim|size|features|units)|c
        |d_?out|n_?y|(n|num)_?classes|y_?(dim|size)|n_?out
    """)),
    ("hidden", _named(rf"{_COUNT}_?(hid|hidden|h|hiddens|mid(dle)?){_UNITS}\d?|hid\w*|h\d?|n_?h\d?|d_?h|m_?hidden|neurons|units|nodes")),
    ("dtype", _named(r"d_?type|precision")),
    ("activation", _named(r"(hidden_?|output_?)?activations?(_?(func(tion)?|fn|name|type))?|act(_?(fn|func))?|func|nonlinearity")),
)
_OF_METHODS = (
    ("pairs", _named(r"""
        (training|train|mini)_?(data|batch|set|examples|patterns)|data_?set|patterns?|batch_?data|minibatch|examples|batch
        |train_?batch|batches
    """)),
    ("y", _named(r"""
        y|ys|t|ts|targets?(_?(list|array|vector|data|outputs?|values?|batch|set|y))?|labels?(_?\w+)?
        |y_?(train|true|batch|hot|data|b|list|one_?hot|i|actual|enc|label|real|set|onehot|oh|target|gt)
        |(train(ing)?|batch|expected|desired|actual|true|real|correct|target|sample|wanted|ideal)_?(set_?)?(y|outputs?|targets?|labels?|values?|results?|answers?)(_?\w+)?
        |expected|desired|truth|ground_?truth|answers?|one_?hot_?y|onehot|correct|actual|goal|d
    """)),
    ("x", _named(r"""
        x|xs|x_?(train|batch|data|i|b|in|list|input|set|sample|new|t)
        |inputs?(_?(list|array|vector|data|values?|x|batch|layer|set|nodes|signal|s))?|features?(_?\w+)?|samples?
        |data(_?(x|in|point|row))?|a|a0|al0|activation|(train(ing)?|batch|sample)_?(set_?)?(x|inputs?|data|features|set)
        |images?|img|records?|row|inp|vec(tor)?|observation|example|pattern|instance|patterns|z|matrix|network_?input
    """)),
    ("output", _named(r"""
        o|out|outputs?|y_?(hat|pred|predicted|p|out|cap)|yhat|pred(ict(ion|ed|ions)?)?s?|a\d|al
        |(final|net|network|layer|predicted|actual|model|forward)_?outputs?|probs?|probabilities|scores|p|result|guess
        |activations?|ypred|y_
    """)),
    ("n", _named(r"n|m|n_?samples|(training|train|data)?_?(set)?_?(size|len|count)|ntrain|num_?(examples|samples)|number_?of_?examples")),
)
FORWARD = _words("""
    forward feedforward forwardpropagation forwardpass forwardprop forwardpropagate propagateforward fprop query run think predictproba
    predict activate compute computeoutput output evaluate propagate call infer inference predictprob getoutput calculate guess
    passforward feed process ff modelforward lmodelforward nn network model out yhat scores getoutputs calculateoutput loss
""")
STEP = _words("""
    trainstep step updateminibatch updatebatch trainonbatch trainbatch trainminibatch partialfit trainone trainsample trainonce
    trainepoch train fit learn backprop backpropagate backpropagation backwardpropagation backward backwardpass backpropogate backprob
    bprop backwardprop propagateback backpropogation sgd gradientdescent optimize optimise training gd batchgd update updateweights
    adjust trainnetwork minibatch trainmodel fitbatch stochasticgradientdescent minibatchgradientdescent teach
""")
BACK = _words("""
    backward backprop backpropagate backpropagation backwardpropagation backwardpass backwardprop bprop grad grads gradient gradients
    computegradients computegradient computegrads getgradients calcgradients costfunctionprime lossgradient loss lossandgrad costprime
    lmodelbackward modelbackward backpropogate backpropogation calculategradients calculategradient backwardpropagate propagatebackward
    dloss gradientfunction computecostandgrads backwards getgrads derivatives
""")
UPDATE = _words("""
    update updateparameters updateparams updateweights step applygradients applygrads optimize gradientstep updateparam gradientdescent
    descend updatenetwork updateweight sgd sgdupdate applyupdate sgdstep gradientdescentstep adjustweights updateall gdstep optimizerstep
    learn updateweightsandbiases apply updateparametersgd updateparameterswithgd
""")
LOSS = _words("""
    loss cost computecost computeloss costfunction lossfunction mse mseloss crossentropy crossentropyloss binarycrossentropy getcost
    getloss calculateloss calculatecost costfunc lossfunc meansquarederror logloss categoricalcrossentropy error bce bceloss sse calcloss
    calccost lossfn costfn squaredloss quadraticcost celoss nll nllloss getcostvalue objective
""")
INIT = _words("""
    initializeparameters initparams initparameters initializeparams initialize init initweights initializeweights
    initializeparametersdeep initnetwork createnetwork randominit initmodel initializemodel createmodel makenetwork initialise
    initialiseparameters buildmodel createparameters makeparams getparams getinitialparams newnetwork initializenetwork inittwolayermodel
    setup
""")
ACTIVATION_NAMES = _words("""
    sigmoid logistic tanh relu leakyrelu linear identity elu softplus gelu silu swish sigmoide sigmoidal logistica lineal lineaire
    identidad identidade tangente hyperbolic sigm
""")
WHOLE = re.compile(r"parameters|params?|model|weights|theta|net(work)?|nn|mlp|w|p|variables|state")      # all parameters as one argument
CACHE = re.compile(
    r"caches?|cached?_?\w*|memory|store|forward_?(cache|results?|pass)|intermediates?|activations?|acts|fwd|saved|context|ctx|tape|values|history"
)
IS_GRADIENT = re.compile(      # from above
    r"(grad(ient)?s?_?|d_?)(of_)?(out|outputs?|above|next|values?)|(out|outputs?|upstream)_?grad(ient)?s?|upstream", re.IGNORECASE
)
GRADS = re.compile(r"d?grad(ient)?s?|dparams|derivatives?|deltas|updates|backward_?results?")
# fmt: on
_NO_WEIGHTS = re.compile(r"decay|std|scale|^(is|use|has|have|with|add|include|enable)_", re.IGNORECASE)      # but how they are made
_AMBIGUOUS_RATE = re.compile(r"alpha|epsilon|rate|gamma_?lr|learning", re.IGNORECASE)
_BIAS = re.compile(
    r"(.*bias.*|b|bs|b\d+|b_?[a-z0-9]{1,3}|[a-z0-9]{1,2}_?b|.*_b\d*|b_.*|.*intercept.*|beta\d*|theta0|thresholds?)$", re.IGNORECASE
)
_WEIGHT = re.compile(r".*(w|weights?|theta|syn|coef|kernel|matrix|synap|param|who|wih).*", re.IGNORECASE)
_OTHER = re.compile(
    r"_*(d|g|grad|delta|prev|last|old|v|s|m|cache|vel|velocity|mom|momentum|nabla|sum|acc|change|c[io]|best|saved|tmp|temp|gradient|db|dw)"
    r"(_.*|[A-Z].*|\d*|weights?.*|bias.*|w.*|b\d*|syn.*|theta.*)$|.*(_?(delta|grad|grads|gradient|velocity|momentum|cache|change|prev|update|updates|deltas))\d*$"
)


def plain(name: str) -> str:
    """Return the name in lower case, without underscores and digits."""
    return re.sub(r"[\W_\d]", "", name).lower()


@lru_cache(maxsize=4096)
def role(name: str, *, constructs: bool = False) -> str | None:
    """Return what an argument of that name stands for, in a constructor or a method; None where that is not known."""
    return next((what for each in in_english(name.strip("_")) if (what := _role(each, constructs)) is not None), None)


def _role(name: str, constructs: bool) -> str | None:
    rows = (*_OF_BOTH, *(_OF_CONSTRUCTORS if constructs else _OF_METHODS))
    if constructs and re.search("weight|bias(es)?$", name, re.IGNORECASE) and not _NO_WEIGHTS.search(name):
        return None      # first weights, which a constructor draws without them
    return next((what for what, pattern in rows if pattern.fullmatch(name)), None)


def rates(names: Iterable[str]) -> list[str]:
    """Return the names of learning rates; those that may be another constant's, such as alpha, only where no other is there."""
    found = [name for name in names if role(name) == "lr"]
    return [name for name in found if not any(map(_AMBIGUOUS_RATE.fullmatch, in_english(name.strip("_"))))] or found


@lru_cache(maxsize=4096)
def rank(name: str, names: tuple[str, ...]) -> int:
    """Return the place of a function's name among these spellings, exact ones before those that begin or end with one; -1 for none."""
    spelt = [plain(each) for each in in_english(name)]
    exact = [names.index(bare) for bare in spelt if bare in names]
    near = [i for i, each in enumerate(names) if len(each) > 3 and any(bare.startswith(each) or bare.endswith(each) for bare in spelt)]
    return exact[0] if exact else len(names) + near[0] if near else -1


def ranked(names: Iterable[str], spellings: tuple[str, ...]) -> list[str]:
    """Return the names that are spelt so, the likeliest first."""
    places = {name: rank(name, spellings) for name in names}
    return sorted((name for name, place in places.items() if place >= 0), key=places.__getitem__)


def is_bias(name: str) -> bool:
    """Return whether an array of that name is a bias rather than a weight."""
    return any(map(_BIAS.match, in_english(name)))


def fits_parameter(name: str) -> int:
    """Return how much the name is a parameter's: 2 for a usual one, 1 for any, 0 for that of a gradient, a velocity or a cache."""
    spelt = in_english(name)
    if any(map(_OTHER.match, spelt)):
        return 0
    return 2 if any(map(_WEIGHT.match, spelt)) or is_bias(name) else 1
