"""Some five hundred everyday words of each language, as they stand in sentences.

The embedded LM reads random strings of them, so that it knows how each language sounds beyond the
few sentences of the task. Words of every kind and form: what counts is how often sounds follow one
another in running speech.
"""

from __future__ import annotations

_EN = """
the of and to in is that it was for on are with as his they be at one have this from or had by but
some what there we can out other were all your when up use word how said an each she which do
their time if will way about many then them would write like so these her long make thing see him
two has look more day could go come did my sound no most number who over know water than call
first people may down side been now find any new work part take get place made live where after
back little only round man year came show every good me give our under name very through just form
much great think say help low line before turn cause same mean differ move right boy old too does
tell sentence set three want air well also play small end put home read hand port large spell add
even land here must big high such follow act why ask men change went light kind off need house
picture try us again animal point mother world near build self earth father head stand own page
should country found answer school grow study still learn plant cover food sun four thought let
keep eye never last door between city tree cross since hard start might story saw far sea draw
left late run while press close night real life few stop open seem together next white children
begin got walk example ease paper often always music those both mark book letter until mile river
car feet care second group carry took rain eat room friend began idea fish mountain north once
base hear horse cut sure watch color face wood main enough plain girl usual young ready above ever
red list though feel talk bird soon body dog family direct pose leave song measure state product
black short numeral class wind question happen complete ship area half rock order fire south
problem piece told knew pass farm top whole king size heard best hour better true during hundred
remember step early hold west ground interest reach fast five sing listen six table travel less
morning ten simple several vowel toward war lay against pattern slow center love person money
serve appear road map science rule govern pull cold notice voice fall power town fine certain fly
unit lead cry dark machine note wait plan figure star box noun field rest correct able pound done
beauty drive stood contain front teach week final gave green quick develop sleep warm free minute
strong special mind behind clear tail produce fact street inch lot nothing course stay wheel full
force blue object decide surface deep moon island foot
"""

_ES = """
de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me
si sin sobre este ya entre cuando todo esta ser son dos también fue había era muy años hasta desde
está mi porque qué sólo han yo hay vez puede todos así nos ni parte tiene él uno donde bien tiempo
mismo ese ahora cada vida otro después te otros aunque esa eso hace otra gobierno tan durante
siempre día tanto ella tres sí dijo sido gran país según menos mundo año antes estado quiero
mientras sino nada hacer decir mujer hombre casa mano ojos agua noche calle pueblo ciudad trabajo
palabra cosa lugar grupo forma manera mejor mayor nuevo nueva nuestro nuestra vosotros ellos ellas
usted ustedes estamos están estaba estaban tenía tenemos tienen hacía hicieron hablar hablaba
hablamos comer comía comemos beber vivir vivimos viven escribir escribió leer leyó abrir abierto
cerrar cerrado llegar llegó llegaron salir salió entrar entró venir vino vienen ver veo vimos oír
oyó saber sabe sabemos sabían poder pudo podemos podían querer quiso quieren deber debe debían
creer creo creían poner puso puesto traer trajo llevar llevaba llevan tomar tomó dar dio dieron
pedir pidió encontrar encontré buscar buscaba ganar perder perdió correr caminar caminaba subir
bajar bajó dormir duerme soñar jugar juegan cantar cantaba bailar llorar reír sonrisa mañana tarde
ayer hoy nunca quizás todavía aquí allí allá lejos cerca arriba abajo dentro fuera detrás delante
izquierda derecha primero segundo tercero cuatro cinco seis siete ocho nueve diez veinte cien mil
blanco negro rojo verde azul amarillo grande pequeño pequeña alto baja largo corta joven viejo
vieja rico pobre feliz triste caliente frío fría lleno vacío limpio sucio difícil fácil fuerte
débil rápido lento dulce amargo hermano hermana padre madre hijo hija abuelo abuela primo tía
sobrino vecino amigo amiga niño niña muchacho señor señora cabeza cara boca nariz oreja brazo
pierna corazón sangre cuerpo espalda dedo pie rodilla puerta ventana mesa silla cama cocina baño
jardín techo pared suelo llave coche camino puente río mar playa montaña bosque árbol flor hoja
hierba piedra cielo sol luna estrella nube lluvia viento nieve fuego tierra perro gato caballo
pájaro pez vaca cerdo gallina pan leche queso huevo carne pescado arroz fruta manzana naranja
limón azúcar sal aceite vino cerveza café plato vaso cuchara cuchillo ropa camisa zapato sombrero
abrigo falda dinero precio tienda mercado iglesia escuela hospital estación tren avión barco viaje
semana mes invierno verano primavera otoño lunes viernes domingo guerra paz ley derecho verdad
mentira pregunta respuesta razón fuerza miedo amor suerte muerte sueño juego música libro carta
papel periódico nombre número historia cuento idioma lengua
"""

_FR = """
de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec
ils elle nous vous je tu on mais ou où donc comme tout tous toute toutes leur leurs même bien
aussi peut être avoir fait faire dit dire deux trois quatre cinq six sept huit neuf dix vingt cent
mille sans sous entre depuis pendant après avant encore toujours jamais souvent parfois rien
personne quelque chose quelqu'un chaque autre autres plusieurs peu beaucoup trop assez très moins
mieux si ainsi alors puis ensuite enfin déjà hier aujourd'hui demain maintenant ici là ailleurs
loin près dehors dedans devant derrière gauche droite était étaient avait avaient sera seront
serait ont eu été va vont allait aller venir vient viennent venu voir voit vu vois savoir sait
savait pouvoir peux pouvait pouvons vouloir veux veut voulait devoir doit devait falloir faut
prendre prend pris mettre met mis donner donne donnait donné parler parle parlait parlons penser
pense pensait croire crois trouver trouve trouvé chercher cherche laisser laisse rester reste
resté partir parti arriver arrive arrivé passer passe passé entrer entre sortir sort sorti monter
descendre tomber tombé ouvrir ouvert fermer fermé lire lu écrire écrit entendre entend entendu
attendre attend répondre répondu demander demande comprendre compris apprendre appris jouer joue
chanter chante danser rire pleurer dormir dort manger mange boire bu vivre vit vivait mourir mort
travailler travaille acheter achète vendre payer perdre perdu gagner courir marcher marche porter
porte tenir tient suivre suit homme femme enfant enfants garçon fille fils père mère frère soeur
oncle tante cousin ami amie voisin monsieur madame gens monde pays ville village rue route chemin
pont place maison chambre cuisine jardin mur toit fenêtre table chaise lit clé voiture train
bateau avion gare école église hôpital magasin marché jour nuit matin soir heure minute semaine
mois année an temps hiver été printemps automne lundi vendredi dimanche tête visage oeil yeux
bouche nez oreille cheveux bras main doigt jambe pied coeur corps dos eau feu terre ciel soleil
lune étoile nuage pluie vent neige mer rivière lac montagne forêt arbre fleur feuille herbe pierre
chien chat cheval oiseau poisson vache mouton cochon poule pain lait fromage oeuf viande poisson
riz fruit pomme poire citron sucre sel huile vin bière café thé assiette verre couteau cuillère
vêtement chemise chaussure chapeau manteau robe argent prix travail livre lettre papier journal
nom mot mots phrase langue histoire musique chanson jeu couleur blanc blanche noir noire rouge
vert verte bleu jaune gris grand grande petit petite gros long longue court jeune vieux vieille
nouveau nouvelle beau belle bon bonne mauvais joli cher pauvre riche heureux triste chaud froid
chaude froide plein vide propre sale facile difficile fort faible rapide lent doux douce guerre
paix loi droit vérité question réponse raison force peur amour chance vie rêve
"""

_DE = """
der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden
aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur
oder aber vor zur bis mehr durch man sein wurde sei hatte kann gegen vom können schon wenn habe
seine ihre dann unter wir soll ich eines wo zwei drei vier fünf sechs sieben acht neun zehn
zwanzig hundert tausend jahr jahre jahren uhr tag tage woche monat stunde zeit morgen abend nacht
heute gestern immer nie oft manchmal wieder jetzt später früher hier dort drüben oben unten links
rechts vorne hinten draußen drinnen weit nah mann frau kind kinder junge mädchen vater mutter
bruder schwester sohn tochter onkel tante großmutter freund freundin nachbar herr leute mensch
menschen welt land stadt dorf straße weg brücke platz haus wohnung zimmer küche bad garten dach
wand boden tür fenster tisch stuhl bett schlüssel auto zug schiff flugzeug fahrrad bahnhof schule
kirche krankenhaus laden markt kopf gesicht auge augen mund nase ohr haar arm hand finger bein fuß
herz körper rücken blut wasser feuer erde himmel sonne mond stern wolke regen wind schnee eis meer
fluss see berg wald baum blume blatt gras stein hund katze pferd vogel fisch kuh schwein huhn
schaf brot milch käse ei fleisch reis obst apfel birne zitrone zucker salz öl wein bier kaffee tee
teller glas messer löffel gabel kleid hemd schuh hut mantel rock geld preis arbeit buch brief
papier zeitung name wort wörter satz sprache geschichte musik lied spiel farbe weiß schwarz rot
grün blau gelb grau groß große großen klein kleine lang lange kurz jung alt alte neu neue schön
schöne gut gute besser schlecht teuer billig arm reich glücklich traurig warm kalt heiß voll leer
sauber schmutzig leicht schwer stark schwach schnell langsam süß bitter laut leise hell dunkel
krieg frieden gesetz recht wahrheit frage antwort grund kraft angst liebe glück leben tod traum
gehen geht ging gegangen kommen kommt kam gekommen sehen sieht sah gesehen hören hört gehört sagen
sagt sagte gesagt sprechen spricht sprach gesprochen schreiben schreibt schrieb geschrieben lesen
liest gelesen wissen weiß wusste denken dachte glauben glaubt finden findet fand gefunden suchen
sucht geben gibt gab nehmen nimmt nahm genommen bringen brachte tragen trägt halten hält stehen
steht stand sitzen sitzt saß liegen liegt lag bleiben bleibt blieb fahren fährt fuhr laufen läuft
lief fallen fiel öffnen schließen geschlossen machen macht machte gemacht arbeiten arbeitet kaufen
kauft verkaufen zahlen verlieren verloren gewinnen spielen spielt singen singt tanzen lachen
weinen schlafen schläft essen isst gegessen trinken trinkt wohnen wohnt leben lebt sterben helfen
hilft zeigen zeigt verstehen versteht lernen lernt lehren fragen fragt antworten warten wartet
müssen muss musste wollen will wollte sollen sollte dürfen darf mögen möchte könnte würde wäre
hätte waren wurden weil obwohl damit während zwischen neben ohne seit deshalb vielleicht natürlich
wirklich ganz sehr viel viele wenig einige alle alles nichts etwas jemand niemand jeder jede
dieser diese dieses welche unser unsere euer dein mein ihm ihn ihnen euch
"""

_RU = """
и в не на я быть он с что а по это она этот к но они мы весь который из у то за свой от так о для
ты же все тот мочь вы человек такой его сказать только или ещё бы себя один как уже до время если
сам когда другой вот говорить наш мой знать стать при чтобы дело жизнь кто первый очень два день
её новый рука даже во со раз где там под можно ну какой после их работа без самый потом надо
хотеть ли слово идти большой должен место иметь ничто сейчас тут лицо каждый друг нет теперь ни
глаз тоже тогда видеть вопрос через да здесь дом да потому сторона какая думать сделать страна
жить чем мир об последний случай голова более делать что-то смотреть ребёнок просто конечно сила
российский конец перед несколько вид система всегда работать между три понять пойти часть спросить
город дать также никто понимать получить отношение лишь второй именно твой давать земля ведь
говорил говорила сказал сказала был была было были будет будут есть буду пришёл пришла пришли идёт
идут шёл шла пошли ехать едет ехали уехал вышел вошла стоял стояла сидел сидит лежал лежит взял
взяла дал дала принёс принесла нашёл нашла искал ищет купил купила продать платить потерял выиграл
играть играет играли петь поёт пела танцевать смеялся плакала спать спит спал есть ел ела пить
пьёт выпил писать пишет написал читать читает прочитал слышать слышал слушать отвечать ответил
помнить помню забыл учить учится помогать помог открыть открыл закрыть закрыла ждать ждёт ждали
любить люблю любит нравится бояться боюсь верить верю решил начал начала кончить остался осталась
жил жила умер родился мужчина женщина мальчик девочка отец мать сын дочь брат сестра дедушка
бабушка дядя тётя сосед подруга люди народ семья улица дорога мост площадь комната кухня сад крыша
стена пол дверь окно стол стул кровать ключ машина поезд корабль самолёт вокзал школа церковь
больница магазин рынок утро вечер ночь час минута неделя месяц год годы лет зима лето весна осень
понедельник пятница воскресенье сегодня вчера завтра рот нос ухо волосы палец нога сердце тело
спина кровь вода огонь небо солнце луна звезда облако дождь ветер снег лёд море река озеро гора
лес дерево цветок лист трава камень собака кошка лошадь птица рыба корова свинья курица хлеб
молоко сыр яйцо мясо рис фрукты яблоко лимон сахар соль масло вино пиво кофе чай тарелка стакан
нож ложка одежда рубашка туфли шапка пальто платье деньги цена книга письмо бумага газета имя язык
история музыка песня игра цвет белый белая чёрный чёрная красный зелёный синий жёлтый серый
большая маленький маленькая длинный короткий молодой старый старая новая красивый хороший хорошая
плохой дорогой бедный богатый счастливый грустный тёплый холодный холодная горячий полный пустой
чистый грязный лёгкий трудный сильный слабый быстрый медленный сладкий горький война мир закон
право правда ответ причина страх любовь счастье смерть сон далеко близко вверх вниз слева справа
снаружи внутри часто иногда никогда много мало немного совсем почти около против вместе четыре
пять шесть семь восемь девять десять двадцать сто тысяча ему ей нам вам мне тебе него неё них
"""

_IT = """
di e il la che in a per un è non del una si da sono le con i della come ma anche al dei ha più nel
lo gli alla o se era delle loro suo questo sua ci ed tutto quando molto prima dopo anni essere
stato stata fare fatto detto dire due tre quattro cinque sei sette otto nove dieci venti cento
mille senza sotto sopra tra fra contro verso durante mentre ancora sempre mai spesso niente
nessuno qualcosa qualcuno ogni altro altra altri poco molti troppo abbastanza meno meglio così
allora poi infine già ieri oggi domani adesso ora qui qua lì là lontano vicino fuori dentro
davanti dietro sinistra destra sono eravamo erano aveva avevano sarà saranno sarebbe hanno avuto
va vanno andava andare venire viene vengono venuto vedere vede visto vedo sapere sa sapeva
sappiamo potere può poteva possiamo possono volere voglio vuole voleva dovere deve dovevano
bisogna prendere prende preso mettere mette messo dare dà diede parlare parla parlava parliamo
pensare penso pensava credere credo trovare trova trovato cercare cerca cercava lasciare lascia
restare resta rimasto partire partito arrivare arriva arrivato passare passa passato entrare entra
uscire esce uscito salire scendere cadere caduto aprire aperto chiudere chiuso leggere letto
scrivere scritto scrive sentire sente sentito aspettare aspetta rispondere risposto chiedere
chiede chiesto capire capisco capito imparare giocare gioca cantare canta ballare ridere piangere
dormire dorme mangiare mangia mangiato bere beve bevuto vivere vive vissuto morire morto lavorare
lavora comprare compra vendere pagare perdere perso vincere correre camminare cammina portare
porta tenere tiene seguire segue uomo uomini donna donne bambino bambini ragazzo ragazza figlio
figlia padre madre fratello sorella zio zia nonno nonna cugino amico amica vicini signore signora
gente mondo paese città strada via ponte piazza casa camera cucina bagno giardino tetto muro
finestra tavolo sedia letto chiave macchina treno nave aereo stazione scuola chiesa ospedale
negozio mercato giorno notte mattina sera ora minuto settimana mese anno tempo inverno estate
primavera autunno lunedì venerdì domenica testa faccia occhio occhi bocca naso orecchio capelli
braccio mano mani dito gamba piede cuore corpo schiena sangue acqua fuoco terra cielo sole luna
stella nuvola pioggia vento neve ghiaccio mare fiume lago montagna bosco albero fiore foglia erba
pietra cane gatto cavallo uccello pesce mucca maiale gallina pecora pane latte formaggio uovo
carne riso frutta mela pera limone zucchero sale olio vino birra caffè tè piatto bicchiere
coltello cucchiaio vestito camicia scarpa cappello cappotto gonna soldi prezzo lavoro libro
lettera carta giornale nome parola parole frase lingua storia musica canzone gioco colore bianco
bianca nero nera rosso verde azzurro giallo grigio grande piccolo piccola lungo lunga corto
giovane vecchio vecchia nuovo nuova bello bella buono buona cattivo caro povero ricco felice
triste caldo freddo calda fredda pieno vuoto pulito sporco facile difficile forte debole veloce
lento dolce amaro guerra pace legge diritto verità domanda risposta ragione forza paura amore
fortuna vita morte sogno perché però quindi oppure quale quanto chi dove nostro nostra vostro mio
mia tuo tua egli essa noi voi quello quella questi queste quei quegli degli dagli sugli negli agli
dello allo nello sulla dalla nella
"""

COMMON_WORDS: dict[str, tuple[str, ...]] = {
    language: tuple(dict.fromkeys(words.split()))
    for language, words in (
        ("en", _EN),
        ("es", _ES),
        ("fr", _FR),
        ("de", _DE),
        ("ru", _RU),
        ("it", _IT),
    )
}
"""Each word once; the first sixty or so are the most frequent ones."""
