"""Trains `fraud`: gradient-boosted trees over a synthetic table of card transactions.

The table is drawn by `transactions` below; no real transaction is involved.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split

sys.dont_write_bytecode = True  # no __pycache__ folder among the models
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import common

HERE = Path(__file__).resolve().parent
SEED = 7
ROWS = 60_000

# Merchant categories, by code: the share of purchases and the usual size of one, in euros.
CATEGORIES = {
    0: (0.26, 28),  # groceries
    1: (0.17, 22),  # restaurants
    2: (0.10, 45),  # fuel
    3: (0.12, 55),  # clothes
    4: (0.06, 160),  # electronics
    5: (0.05, 210),  # travel
    6: (0.08, 14),  # digital goods
    7: (0.06, 70),  # household
    8: (0.04, 40),  # health
    9: (0.02, 90),  # gift cards
    10: (0.02, 250),  # jewellery
    11: (0.02, 120),  # cash withdrawal
}


def transactions(n, rng):
    """Draws n transactions: a dict of columns, and whether each is labelled fraud."""
    # The customer: spending level, age of the account, usual device.
    level = rng.lognormal(0, 0.5, n)
    account_age = np.minimum(rng.exponential(1500, n) + 5, 9000)
    credit_limit = np.round(1500 * level * rng.lognormal(0, 0.4, n) / 100) * 100 + 500
    traveller = rng.random(n) < 0.06
    chargebacks = rng.poisson(np.where(rng.random(n) < 0.05, 0.8, 0.02))

    # Three ways of fraud, each with its own marks: a stolen card used in shops, an account taken
    # over online, and stolen numbers tried with small sums. 0 is an honest purchase.
    kind = np.where(rng.random(n) < 0.02, rng.choice([1, 2, 3], n, p=[0.35, 0.45, 0.20]), 0)
    stolen, takeover, testing = kind == 1, kind == 2, kind == 3
    # Some frauds are careful, and look like honest purchases but for a mark or two.
    careful = rng.random(n) < 0.18
    bold = (kind > 0) & ~careful

    codes = np.array(list(CATEGORIES))
    share = np.array([CATEGORIES[code][0] for code in codes])
    wanted = share * np.where(np.isin(codes, [4, 9, 10]), 8, np.where(codes == 11, 4, 1))
    category = np.where(
        stolen | takeover,
        rng.choice(codes, n, p=wanted / wanted.sum()),
        rng.choice(codes, n, p=share / share.sum()))
    category = np.where(testing, rng.choice([6, 8, 9], n, p=[0.7, 0.1, 0.2]), category)
    usual = np.array([CATEGORIES[code][1] for code in codes])[category]

    online = rng.random(n) < np.where(category == 6, 0.95, np.where(category == 11, 0.0, 0.25))
    online = np.where(takeover | testing, True, np.where(stolen, False, online))
    factor = np.where(stolen | takeover, rng.lognormal(0.6, 0.7, n), 1.0)
    amount = usual * level * rng.lognormal(0, 0.6, n) * factor
    amount = np.where(testing, rng.lognormal(0.8, 0.7, n), amount)
    amount = np.clip(amount, 0.5, credit_limit)
    average = 48 * level * rng.lognormal(0, 0.35, n)

    day = rng.normal(14.5, 4.2, n) % 24
    night = rng.normal(2.5, 3.0, n) % 24
    hour = np.where(rng.random(n) < np.where(bold, 0.5, 0.06), night, day)

    away = rng.lognormal(1.2, 1.1, n) + np.where(traveller, rng.exponential(900, n), 0)
    away = np.where(bold & stolen, away + rng.exponential(120, n), away)
    away = np.where(bold & ~stolen, away + rng.exponential(700, n), away)
    foreign = rng.random(n) < np.where(
        traveller, 0.6, np.where(bold, 0.35, np.where(away > 300, 0.3, 0.015)))

    haste = np.where(testing, 12, np.where(bold, 2.5, 1))
    recent = rng.poisson(0.12 * haste)
    count = recent + rng.poisson(2.2 * np.sqrt(haste))
    gap = np.where(recent > 0, rng.uniform(0.2, 60, n) / (recent + 0.5),
                   60 + rng.exponential(1440 / (count + 0.7)))
    spent = amount + count * average * rng.lognormal(-0.2, 0.5, n) * np.where(testing, 0.2, 1)

    new_device = rng.random(n) < np.where(takeover, 0.6, np.where(testing, 0.7, 0.04))
    device_age = np.where(new_device, rng.exponential(2, n), rng.exponential(420, n))
    device_age = np.minimum(device_age, account_age)
    ip_risk = np.where(online, rng.beta(1.6, 9, n), 0.0)
    ip_risk = np.where(bold & online, rng.beta(3.5, 4, n), ip_risk)
    failed = rng.poisson(np.where(bold, 0.55, 0.04))
    merchants = rng.poisson(np.where(bold, 3.4, 2.0))
    late_change = rng.random(n) < np.where(takeover, 0.35, 0.015)

    columns = {
        "amount": amount.round(2),
        "hour": hour.astype(int),
        "day_of_week": rng.integers(0, 7, n),
        "merchant_category": category,
        "distance_from_home_km": away.round(1),
        "minutes_since_last": gap.round(1),
        "tx_count_1h": recent,
        "tx_count_24h": count,
        "amount_sum_24h": spent.round(2),
        "avg_amount_30d": average.round(2),
        "card_present": (~online).astype(int),
        "is_foreign": foreign.astype(int),
        "account_age_days": account_age.astype(int),
        "credit_limit": credit_limit,
        "chargebacks_1y": chargebacks,
        "device_age_days": device_age.astype(int),
        "ip_risk": ip_risk.round(3),
        "pin_failures_24h": failed,
        "new_merchants_30d": merchants,
        "contact_changed_7d": late_change.astype(int),
    }
    # Labels are noisy: some frauds are never reported, a few honest purchases are disputed.
    label = np.where(kind > 0, rng.random(n) < 0.95, rng.random(n) < 0.0006)
    return columns, label.astype(np.int64)


def plain(value):
    """A float32 as a short JSON or CSV number."""
    number = float(str(value))
    return int(number) if number.is_integer() else number


columns, y = transactions(ROWS, np.random.default_rng(SEED))
names = list(columns)
x = np.stack(list(columns.values()), axis=1).astype(np.float32)
x_train, x_test, y_train, y_test = train_test_split(
    x, y, test_size=0.25, random_state=SEED, stratify=y)
print(f"{len(x_train)} rows to train on, {len(x_test)} held out, {y.mean():.2%} fraud")

classifier = GradientBoostingClassifier(
    n_estimators=80, max_depth=4, learning_rate=0.1, subsample=0.5, min_samples_leaf=20,
    max_features=0.5, random_state=SEED)
classifier.fit(x_train, y_train)

model = to_onnx(
    classifier,
    initial_types=[("features", FloatTensorType([None, len(names)]))],
    options={"zipmap": False},
    target_opset={"": 17, "ai.onnx.ml": 3})
assert [output.name for output in model.graph.output] == ["label", "probabilities"]
path = common.save(model, "fraud", 1, "Probability that a card transaction is a fraud.")
got = common.run(common.session(path), {"features": x_test})
probability = got["probabilities"][:, 1]

difference = np.abs(classifier.predict_proba(x_test) - got["probabilities"]).max()
assert difference < 1e-5
assert (classifier.predict(x_test) == got["label"]).all()
print(f"fraud 1: hold-out AUC {roc_auc_score(y_test, probability):.4f}, "
      f"average precision {average_precision_score(y_test, probability):.4f}, "
      f"largest difference from scikit-learn {difference:.1e}")

# The example rows: mostly honest ones, and some frauds, so that there is something to see.
rng = np.random.default_rng(SEED)
frauds = rng.choice(np.flatnonzero(y_test == 1), 10, replace=False)
honest = rng.choice(np.flatnonzero(y_test == 0), 40, replace=False)
rows = rng.permutation(np.concatenate([frauds, honest]))
with open(HERE / "transactions.csv", "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([plain(value) for value in row] for row in x_test[rows])
example = rows[np.argmax(probability[rows])]
print(json.dumps(dict(zip(names, map(plain, x_test[example])))))
print(f"probability of fraud of this row: {probability[example]:.4f}")

common.write_fixture("fraud", 1, [
    {"features": x_test[rows[start:start + count]]}
    for start, count in ((0, 1), (1, 2), (3, 3), (6, 5))
] + [{"features": x_test[example:example + 1]}])
