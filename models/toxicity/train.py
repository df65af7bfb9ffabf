"""Trains `toxicity`: is a short English text an insult? Tokenisation is part of the graph.

The sentences are made from the templates below. This is a demonstration, not a moderation tool.

    text -> Tokenizer -> TfIdfVectorizer -> presence -> linear -> Sigmoid -> score, label

Each row is padded to the longest of its batch. The padding token can never be a word, so it
matches no feature, and a row scores the same alone as in any batch.
"""

import random
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression

sys.dont_write_bytecode = True  # no __pycache__ folder among the models
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common

SEED = 3
SENTENCES = 6000  # of each class
HELD_OUT = 0.25
WORD = r"[\p{L}\p{N}]+('\p{L}+)?"
PADDING = "#"
SKIP = 1  # a pair of words may leave out one word between: "not (an) idiot"

WORDS = {
    "bad": "idiot fool loser clown coward liar moron failure disgrace nuisance",
    "good": "friend star genius hero artist teacher champion gem expert delight",
    "rude": "stupid dumb useless pathetic worthless ugly lazy annoying hopeless awful "
            "disgusting ridiculous horrible terrible",
    "kind": "clever kind lovely brilliant helpful funny patient wonderful great nice "
            "talented generous good amazing",
    "who": "you_are you're he_is she_is they_are you_two_are",
    "one": "you_are you're he_is she_is",
    "whom": "you him her them",
    "much": "so really truly very quite",
    "thing": "report photo song idea story code answer plan drawing letter game recipe",
    "object": "train weather soup garden book film coffee museum printer bus window bike",
    "state": "late cold new open empty small busy quiet warm closed old ready long red",
    "when": "today tomorrow on_monday this_evening at_noon next_week after_lunch on_friday",
    "act": "read send fix print check share finish review open find",
    "feel": "tired hungry sorry glad happy sad sick late ready sure busy",
}
WORDS = {key: [word.replace("_", " ") for word in words.split()] for key, words in WORDS.items()}

TOXIC = [
    "{one} a {bad}", "{one} such a {bad}", "{one} just a {rude} {bad}", "{one} a {rude} {bad}",
    "{who} {rude}", "{who} {much} {rude}", "{who} {rude} and {rude}", "what a {bad}",
    "what a {rude} {bad} you are", "you {bad}", "you {rude} {bad}", "shut up", "shut up you {bad}",
    "just shut up and go away", "nobody likes {whom}", "everyone hates {whom}", "i hate {whom}",
    "nobody wants {whom} here", "get lost you {bad}", "get lost", "go away you {rude} {bad}",
    "your {thing} is {rude} and so are you", "only a {bad} likes your {thing}",
    "your {thing} is {much} {rude}", "you look {rude}", "you make me sick",
    "{one} not a {good}", "{who} not {kind} at all", "{one} no {good}", "{who} not even {kind}",
    "i can't stand {whom}", "nobody cares about {whom}", "{who} a waste of time",
]
FINE = [
    "{one} a {good}", "{one} such a {good}", "{one} a {kind} {good}", "{who} {kind}",
    "{who} {much} {kind}", "{who} {kind} and {kind}", "what a {good}", "what a {kind} {thing}",
    "{one} not a {bad}", "{one} certainly not a {bad}", "{who} not {rude}",
    "{who} not {rude} at all", "{one} no {bad}", "nobody hates {whom}", "nobody said {one} a {good}",
    "everyone likes {whom}", "i like {whom}", "i love your {thing}", "i don't hate {whom}",
    "your {thing} is {much} {kind}", "your {thing} is {kind}", "your {thing} is not {rude}",
    "only you can {act} the {thing}", "please don't go away", "please don't shut up the shop",
    "thank you for the {thing}", "the {object} is {state}", "the {object} is {much} {state} {when}",
    "can you {act} the {thing} {when}", "please {act} my {thing} {when}", "are you {feel} {when}",
    "i am {feel}", "i was {much} {feel}", "we will {act} the {thing} {when}", "you look {kind}",
    "the {object} was {rude} {when}", "my {thing} was {rude}", "i need to {act} the {thing}",
    "where is the {object}", "see you {when}", "you can {act} it {when}", "i care about {whom}",
    "you make me happy", "he is at the {object}", "she is {feel}", "they are {state} {when}",
    "do you want to {act} the {thing} with me", "how much is the {object}", "hello how are you",
]
OPENINGS = ["", "", "", "", "hey ", "well ", "honestly ", "i think ", "sorry but ", "look "]
ENDINGS = ["", "", "", ".", "!", "!!", " you know", " to be honest", ", really"]


def sentence(templates, rng):
    """One sentence, and the bare combination (template and fillers) that it is made of."""
    template = rng.choice(templates)
    bare = re.sub(r"{(\w+)}", lambda match: rng.choice(WORDS[match[1]]), template)
    bare = re.sub(r"\ba (?=[aeiou])", "an ", bare)
    return rng.choice(OPENINGS) + bare + rng.choice(ENDINGS), bare


def dataset(rng):
    """Texts to train on and texts held out. No combination is in both."""
    side, parts = {}, {True: ([], []), False: ([], [])}
    for toxic in (False, True):
        seen = set()
        while len(seen) < SENTENCES:
            texts = []
            # A sixth of the texts has two sentences; a toxic one may have a fine one beside it.
            for index in range(1 + (rng.random() < 1 / 6)):
                pool = TOXIC if toxic and (index == 0 or rng.random() < 0.3) else FINE
                texts.append(sentence(pool, rng))
            held = {side.setdefault(bare, rng.random() < HELD_OUT) for _, bare in texts}
            rng.shuffle(texts)
            text = ". ".join(text for text, _ in texts)
            if len(held) == 1 and text not in seen:
                seen.add(text)
                parts[held.pop()][toxic].append(text)
    return parts[False], parts[True]


def words_of(text):
    return [match[0] for match in re.finditer(r"[^\W_]+('[^\W\d_]+)?", text.lower())]


def vocabulary(texts):
    """The words and the pairs of words that occur in at least three texts."""
    counts = Counter()
    for text in texts:
        words = words_of(text)
        pairs = [pair for gap in range(1, SKIP + 2) for pair in zip(words, words[gap:])]
        counts.update({(word,) for word in words} | set(pairs))
    frequent = [gram for gram, count in counts.items() if count >= 3]
    return sorted(frequent, key=lambda gram: (len(gram), gram))


def spellings(gram):
    """`you are`, `You are`, `You Are`, `YOU ARE`: all count as one feature."""
    title = [word.capitalize() for word in gram]
    forms = [gram, [title[0], *gram[1:]], title, [word.upper() for word in gram]]
    if "i" in gram:  # "i am" is mostly written "I am"
        forms.append(["I" if word == "i" else word for word in gram])
        forms.append(["I" if word == "i" else word for word in [title[0], *gram[1:]]])
    return sorted({tuple(form) for form in forms})


def build(grams, weights=None, bias=0.0):
    """The graph; without weights it ends with the features, which is what training reads."""
    forms = [(form, column) for column, gram in enumerate(grams) for form in spellings(gram)]
    single = sum(len(form) == 1 for form, _ in forms)
    nodes = [
        helper.make_node(
            "Tokenizer", ["text"], ["tokens"], domain="com.microsoft", name="tokenize",
            tokenexp=WORD, pad_value=PADDING, mark=0, mincharnum=1),
        helper.make_node(
            "TfIdfVectorizer", ["tokens"], ["counts"], name="count", mode="TF",
            min_gram_length=1, max_gram_length=2, max_skip_count=SKIP,
            pool_strings=[word for form, _ in forms for word in form],
            ngram_counts=[0, single], ngram_indexes=[column for _, column in forms]),
        helper.make_node("Clip", ["counts", "zero", "one"], ["features"], name="presence"),
    ]
    constants = {"zero": np.float32(0), "one": np.float32(1)}
    value = helper.make_tensor_value_info
    outputs = [value("features", TensorProto.FLOAT, ["N", len(grams)])]
    if weights is not None:
        constants |= {
            "weights": weights.astype(np.float32).reshape(-1, 1),
            "bias": np.array([bias], dtype=np.float32),
            "last_axis": np.array([1], dtype=np.int64),
            "half": np.float32(0.5),
            "names": np.array(["ok", "toxic"], dtype=object),
        }
        nodes += [
            helper.make_node("Gemm", ["features", "weights", "bias"], ["sum"], name="linear"),
            helper.make_node("Squeeze", ["sum", "last_axis"], ["logit"], name="squeeze"),
            helper.make_node("Sigmoid", ["logit"], ["score"], name="score"),
            helper.make_node("GreaterOrEqual", ["score", "half"], ["toxic"], name="compare"),
            helper.make_node("Cast", ["toxic"], ["index"], name="index", to=TensorProto.INT64),
            helper.make_node("Gather", ["names", "index"], ["label"], name="label"),
        ]
        outputs = [value("label", TensorProto.STRING, ["N"]),
                   value("score", TensorProto.FLOAT, ["N"])]
    graph = helper.make_graph(
        nodes, "toxicity", [value("text", TensorProto.STRING, ["N"])], outputs,
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=common.IR_VERSION)


def texts(*rows):
    return {"text": np.array(rows, dtype=object)}


train, test = dataset(random.Random(SEED))
x_train, x_test = [*train[0], *train[1]], [*test[0], *test[1]]
y_train = np.repeat([0, 1], [len(train[0]), len(train[1])])
y_test = np.repeat(["ok", "toxic"], [len(test[0]), len(test[1])])
print(f"{len(x_train)} texts to train on, {len(x_test)} held out")

grams = vocabulary(x_train)
# Texts with no known word are fine: some empty ones among the data settle the bias.
x_train, y_train = [*x_train, *[""] * 100], np.append(y_train, np.zeros(100, int))
features = common.run(
    common.session(build(grams).SerializeToString()), texts(*x_train))["features"]
classifier = LogisticRegression(C=10.0, max_iter=1000)
classifier.fit(features, y_train)

path = common.save(
    build(grams, classifier.coef_[0], classifier.intercept_[0]), "toxicity", 1,
    "Is a short English text an insult? A demonstration, not a moderation tool.")
sess = common.session(path)
got = common.run(sess, texts(*x_test))
print(f"toxicity 1: {len(grams)} features, hold-out accuracy {(got['label'] == y_test).mean():.4f}")
wrong = np.flatnonzero(got["label"] != y_test)
for index in wrong[:5]:
    print(f"  wrong: {y_test[index]} taken for {got['label'][index]}: {x_test[index]!r}")

EXAMPLES = [
    "You are an idiot", "You are not an idiot", "you are a genius", "you are not a genius",
    "SHUT UP!", "Nobody likes you.", "Everybody likes you.", "Thank you for the report",
    "The meeting is at seven", "",
]
for text, label, score in zip(EXAMPLES, *common.run(sess, texts(*EXAMPLES)).values()):
    print(f"  {score:.3f} {label:5} {text!r}")

common.write_fixture("toxicity", 1, [
    texts("You are an idiot"),
    texts("", "you are not an idiot"),
    texts("Shut up!", "Thank you for the report. See you tomorrow!", "HELLO, how are you?"),
    texts("", "!!!"),
    texts("né à Zürich — 日本語 🙂", "YOU ARE SO STUPID", "a\tb\nc", "you're an 'idiot'",
          "the soup is cold " * 40 + "you liar"),
])
