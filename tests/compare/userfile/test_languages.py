"""Names in other languages are known by their words: what they stand for, in either order, with or without accents."""

from pathlib import Path

import pytest

from compare import check
from compare.userfile.shapes.languages import in_english, translated
from compare.userfile.shapes.spellings import BACK, FORWARD, LOSS, STEP, UPDATE, fits_parameter, is_bias, rank, rates, role


@pytest.mark.parametrize(("name", "what"), [
    ("tamaño_entrada", "inputs"), ("tamanios_capas_ocultas", "hiddens"), ("num_salidas", "outputs"), ("capas", "sizes"),
    ("tailleEntree", "inputs"), ("nb_neurones_caches", "hidden"), ("camadas", "sizes"), ("neuronas_por_capa", "sizes"),
    ("girdi_boyutu", "inputs"), ("gizli_boyut", "hidden"), ("anzahl_ausgaben", "outputs"), ("lernrate", "lr"),
    ("tasa_de_aprendizaje", "lr"), ("taxa_aprendizado", "lr"), ("taux_apprentissage", "lr"), ("tasso_apprendimento", "lr"),
    ("öğrenme_oranı", "lr"), ("skorost_obucheniya", "lr"), ("épocas", "epochs"), ("epohi", "epochs"),
])
def test_what_a_constructor_is_made_with_is_known(name: str, what: str) -> None:
    assert role(name, constructs=True) == what


@pytest.mark.parametrize(("name", "what"), [
    ("datos_x", "x"), ("entradas", "x"), ("eingabe", "x"), ("datos_y", "y"), ("salida_esperada", "y"), ("alvos", "y"),
    ("etiquettes", "y"), ("zielwerte", "y"), ("hedef", "y"), ("salida", "output"), ("activaciones", "output"), ("lote", "pairs"),
])
def test_what_a_method_is_given_is_known(name: str, what: str) -> None:
    assert role(name) == what


@pytest.mark.parametrize(("name", "known"), [
    ("propagacion_adelante", FORWARD), ("vorwaerts", FORWARD), ("ileri_yayilim", FORWARD), ("propagation_avant", FORWARD),
    ("entrenar", STEP), ("trainiere", STEP), ("addestra", STEP), ("treinar", STEP), ("egit", STEP), ("entrainer", STEP),
    ("retropropagação", BACK), ("geri_yayilim", BACK), ("calcular_gradientes", BACK), ("gyakudenpa", BACK),
    ("actualizar_pesos", UPDATE), ("aggiorna_pesi", UPDATE), ("calcular_perda", LOSS), ("fonction_cout", LOSS),
])
def test_methods_are_known(name: str, known: tuple[str, ...]) -> None:
    assert rank(name, known) >= 0


def test_parameters_are_known() -> None:
    assert all(is_bias(name) for name in ("sesgos", "viés", "biais_caché", "umbral", "schwelle"))
    assert [fits_parameter(name) for name in ("pesos_ocultos", "gradiente_pesos", "poids1", "ağırlıklar", "lista")] == [2, 0, 2, 2, 1]
    assert rates(["tasa", "tasa_aprendizaje"]) == ["tasa_aprendizaje"]      # the other may be that of anything


@pytest.mark.parametrize("name", ["cache", "caches", "red", "nb", "learning_rate", "de", "self.params['W1']", "hidden_sizes"])
def test_english_names_are_as_they_are(name: str) -> None:
    assert (translated(name), in_english(name)) == (name, (name,))


def test_a_path_keeps_its_order() -> None:
    assert translated("red.pesosOculta[0]") == "network.weights_hidden[0]"


CLASE = """
import numpy as np

class RedNeuronal:
    def __init__(self, tamano_entrada, tamanos_ocultas, tamano_salida):
        tamanos = [tamano_entrada, *tamanos_ocultas, tamano_salida]
        self.pesos = [np.random.randn(b, a) for a, b in zip(tamanos, tamanos[1:])]
        self.sesgos = [np.zeros((b, 1)) for b in tamanos[1:]]

    def sigmoide(self, z):
        return 1 / (1 + np.exp(-z))

    def propagacion_adelante(self, x):
        activaciones, valores_z = [x], []
        for peso, sesgo in zip(self.pesos, self.sesgos):
            valores_z.append(peso @ activaciones[-1] + sesgo)
            activaciones.append(self.sigmoide(valores_z[-1]))
        return activaciones, valores_z

    def entrenar(self, datos_x, datos_y, epocas, tasa_aprendizaje):
        for epoca in range(epocas):
            for x, y in zip(datos_x, datos_y):
                a, _ = self.propagacion_adelante(x.reshape(-1, 1))
                delta = (a[-1] - y.reshape(-1, 1)) * a[-1] * (1 - a[-1])
                for capa in reversed(range(len(self.pesos))):
                    anterior = (self.pesos[capa].T @ delta) * a[capa] * (1 - a[capa])
                    self.pesos[capa] -= tasa_aprendizaje * delta @ a[capa].T
                    self.sesgos[capa] -= tasa_aprendizaje * delta
                    delta = anterior
"""


@pytest.mark.slow
@pytest.mark.parametrize(("slope", "verdict"), [(" * a[capa] * (1 - a[capa])", "equivalent"), ("", "different")])
def test_a_class_is_recognised_by_its_words(slope: str, verdict: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(CLASE.replace(" * a[capa] * (1 - a[capa])", slope), encoding="utf-8")
    result = check(path, seed=1, steps=2)
    assert (result.verdict, result.conventions[0].split(",")[0]) == (
        verdict, "a class RedNeuronal with entrenar and propagacion_adelante",
    )
