"""Names with words of other languages, in English: in Latin letters, with or without accents."""

import re
import unicodedata
from functools import lru_cache

_WORDS = {      # Spanish, Portuguese, French, Italian, German, Turkish, Polish, Indonesian, Russian, Japanese; inflected as in names
    "weight": "peso poids gewicht agirlik waga bobot omomi",
    "weights": "pesos pesi gewichte agirliklar wagi vesa",
    "bias": "sesgo umbral vies limiar biais seuil soglia schwelle schwellwert yanlilik sapma smeshenie smeshchenie",
    "biases": "sesgos umbrales vieses limiares schwellen schwellwerte smesheniya smeshcheniya",
    "input": """entrada entree ingresso eingabe eingang eingangs giris girdi wejscie wejsciowa masukan vhod vkhod nyuryoku
        nyuuryoku""",
    "inputs": "entradas entrees ingressi eingaben girdiler girisler wejscia vhody vkhody",
    "output": "salida saida sortie uscita ausgabe ausgang ausgangs cikti cikis wyjscie wyjsciowa keluaran vyhod vykhod shutsuryoku",
    "outputs": "salidas saidas sorties uscite ausgaben ciktilar cikislar wyjscia vyhody vykhody",
    "hidden": """oculta ocultas oculto ocultos escondida escondidas escondido cachee cachees nascosto nascosta nascosti nascoste
        versteckt versteckte versteckten verborgen gizli ukryta ukryte ukrytych tersembunyi skryt skrytyj skrytyy skrytiy skrytogo
        skrytyh skrytykh kakure""",
    "layer": "capa camada couche strato schicht katman katmani warstwa warstwy lapisan sloj sloi sloy",
    "layers": "capas camadas couches strati schichten katmanlar warstw sloev sloyev",
    "neurons": """neurona neuronas neuronio neuronios neurone neurones neuroni neuronen noron noronlar neurony neuronow neyron
        neyronov neironov""",
    "size": "tamano tamanio tamanyo tamanho taille dimensione grosse groesse boyut boyutu rozmiar ukuran razmer",
    "sizes": "tamanos tamanios tamanyos tamanhos tailles dimensioni grossen groessen boyutlar boyutlari rozmiary razmery",
    "num": "numero nro cantidad quantidade qtd nombre anzahl sayi sayisi liczba jumlah kolichestvo kol chislo",
    "rate": "tasa taxa taux tasso orani hizi wspolczynnik laju skorost ritsu",
    "learning": """aprendizaje aprendizado aprendizagem apprentissage apprendimento lern lernen ogrenme uczenia uczenie pembelajaran
        obuchenie obucheniya obuchenija gakushu gakushuu""",
    "learning_rate": "lernrate gakushuritsu gakushuuritsu",
    "learn": "aprender aprende apprendre imparare impara lerne ogren ucz belajar obuchit obuchat uchit",
    "train": """entrenar entrena entrenamiento treinar treina treinamento treino entrainer entraine entrainement addestrare addestra
        addestramento allenare allena allenamento trainieren trainiere trainiert egit egitim egitimi trenuj trenowanie latih pelatihan
        trenirovat trenirovka""",
    "predict": """predecir predice predizer prever predire predis prevedere prevedi vorhersage vorhersagen tahmin przewiduj prediksi
        predskazat predskazhi yosoku""",
    "prediction": "prediccion predicciones predicho predicao predicoes previsao previsoes previsione previsioni tahminler predskazanie",
    "forward": "adelante frente avant avanti vorwarts vorwaerts ileri przod maju vpered",
    "back": "atras tras arriere indietro ruckwarts rueckwaerts geri wstecz tyl mundur nazad",
    "propagation": """propagacion propagacao propagazione propagierung ausbreitung yayilim yayilimi propagacja propagasi
        rasprostranenie rasprostraneniye""",
    "propagate": "propagar propaga propager propagare propagiere propagieren",
    "forwardpropagation": "jundenpa",
    "backpropagation": "retropropagacion retropropagacao retropropagation retropropagazione ruckpropagierung rueckpropagierung gyakudenpa",
    "backpropagate": "retropropagar retropropaga retropropager retropropagare",
    "pass": "pasada passe passada passaggio durchlauf prohod prokhod",
    "step": "passo etape schritt adim krok langkah shag",
    "calculate": "calcular calcula calculer calcolare calcola berechnen berechne hesapla oblicz hitung vychislit keisan",
    "evaluate": "evaluar avaliar evaluer valutare auswerten",
    "activate": "activar ativar activer attivare attiva aktiviere",
    "activation": "activacion ativacao attivazione aktivierung aktivasyon aktivasyonu aktywacja aktivasi aktivatsiya kasseika",
    "activations": "activaciones ativacoes attivazioni aktivierungen aktivasyonlar",
    "function": "funcion funcao fonction funzione funktion fonksiyon fonksiyonu funkcja fungsi funktsiya kansuu",
    "update": """actualizar actualiza atualizar atualiza aggiornare aggiorna aktualisieren aktualisiere guncelle aktualizuj perbarui
        obnovit obnovlenie koushin""",
    "adjust": "ajustar ajusta ajuster anpassen ayarla",
    "initialize": "inicializar inicializa initialiser inizializzare inizializza initialisieren initialisiere baslat inicjalizuj",
    "parameters": "parametros parametres parametri parametreler parametry",
    "loss": "perdida perda perte perdita verlust kayip kaybi strata kerugian poteri poterya sonshitsu",
    "cost": "costo coste custo cout kosten maliyet koszt stoimost",
    "error": "erro erreur errore fehler hata blad galat oshibka gosa",
    "errors": "errores erros erreurs errori hatalar bledy oshibki",
    "gradient": "gradiente gradyan",
    "gradients": "gradientes gradienti gradienten gradyanlar gradienty",
    "derivative": "derivada derivee derivata ableitung turev turevi pochodna turunan proizvodnaya",
    "target": "objetivo alvo cible obiettivo bersaglio ziel hedef tsel kyoushi kyoshi",
    "targets": "objetivos alvos cibles obiettivi ziele zielwerte hedefler tseli",
    "expected": """esperado esperada esperados esperadas attendu attendue attendus attendues atteso attesa attesi erwartet erwartete
        beklenen oczekiwane oczekiwany ozhidaemyj ozhidaemoe""",
    "desired": """deseado deseada deseados deseadas desejado desejada desejados desejadas desire desiree desires desirees desiderato
        desiderata desiderati gewunscht soll sollwert sollwerte istenen""",
    "true": "verdadero verdadera verdaderos verdadeiro verdadeira verdadeiros vrai vraie vero vera gercek istina istinnye",
    "label": "etiqueta rotulo etiquette etichetta etiket etykieta metka",
    "labels": "etiquetas rotulos etiquettes etichette etiketler etykiety metki",
    "data": "datos dados donnees dati daten veri veriler dane dannye",
    "set": "conjunto insieme zbior",
    "sample": "muestra amostra echantillon campione stichprobe ornek probka obrazets",
    "samples": "muestras amostras echantillons campioni stichproben ornekler probki sampel obraztsy",
    "example": "ejemplo exemplo exemple esempio beispiel przyklad",
    "examples": "ejemplos exemplos exemples esempi beispiele przyklady primery",
    "patterns": "patrones padroes",
    "values": "valores valeurs valori werte degerler wartosci nilai znacheniya",
    "class": "clase classe klasse sinif klasa kelas",
    "classes": "clases klassen classi siniflar klasy klassy",
    "features": "caracteristicas caratteristiche merkmale ozellikler cechy fitur priznaki",
    "images": "imagenes imagens immagini bilder resimler",
    "batch": "lote lotes lotto stapel",
    "epochs": "epoca epocas epoque epoques epoche epochen epok epoki epohi epokhi epoha",
    "iterations": "iteracion iteraciones iteracao iteracoes iterazioni iterationen iterasyon iteracje iterasi iteratsii iteratsij",
    "seed": "semilla semente graine seme tohum ziarno zerno",
    "momentum": "momento impuls",
    "regularization": "regularizacion regularizacao regularisation regolarizzazione regularisierung",
    "network": "rede rete reseau netz netzwerk siec sieci jaringan",
}
_ENGLISH = {word: english for english, words in _WORDS.items() for word in words.split()}
_BESIDE = {"cache": "hidden", "caches": "hidden", "red": "network", "nb": "num"}      # if no word beside them is known, they are others
_BETWEEN = re.compile("de|del|da|do|dos|das|di|du|des|la|el|los|las|le|les|der|den|dem|per|por|para|par|pour|hacia", re.IGNORECASE)
_OTHER_LETTERS = str.maketrans({"ı": "i", "ł": "l", "ß": "ss", "ø": "o"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@lru_cache(maxsize=4096)
def translated(text: str) -> str:
    """Return a name, or a path of names, with its words in English; as it is where all of them are that, or not known."""
    latin = "".join(each for each in unicodedata.normalize("NFKD", text.translate(_OTHER_LETTERS)) if not unicodedata.combining(each))
    if not any(word.lower() in _ENGLISH for word in _WORD.findall(latin)):
        return text
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", latin)
    return _WORD.sub(lambda word: {**_BESIDE, **_ENGLISH}.get(word[0].lower(), word[0]), apart)


@lru_cache(maxsize=4096)
def in_english(name: str) -> tuple[str, ...]:
    """Return how a name may be spelt in English: its words in either order, as a `tasa_de_aprendizaje` is a learning rate."""
    found = translated(name)
    if found == name:
        return (name,)
    words = [word for word in found.split("_") if word and not _BETWEEN.fullmatch(word)]
    return tuple(dict.fromkeys(("_".join(words), "_".join(reversed(words)))))
