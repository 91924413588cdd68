package note

// The words are those that a native speaker expects in a CRM. What would need
// an article, elision or plural that depends on a name or number is said so that
// it does not.

var german = words{
	habit: habit{
		weekdays: [7]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
		months:   [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
		full:     "%s, %s. %s %d",
		date:     "%s. %s %d",
		clock:    "%02d:%02d",
		dateTime: "%s, %s",
	},
	title: [kinds]string{
		SMS: "SMS mit %s", MMS: "SMS mit %s", VoiceMail: "Sprachnachricht von %s", Fax: "Fax mit %s", Pager: "Interne Nachrichten mit %s",
	},
	list:        ", ",
	and:         "%s und %s",
	andOthers:   "%s und %d weiteren",
	somebody:    "Unbekannt",
	colon:       ": ",
	times:       "%s, Zeitzone %s",
	then:        "%s, dann %s",
	count:       "Nachrichten: %d",
	voiceMail:   "Sprachnachricht",
	voiceMailOf: "Sprachnachricht (%d:%02d)",
	fax:         "Fax",
	faxOf1:      "Fax (1 Seite)",
	faxOf:       "Fax (%d Seiten)",
	noText:      "(kein Text)",
	link: [kinds]string{
		SMS: "Anhang", MMS: "Anhang", VoiceMail: "Anhören", Fax: "Öffnen", Pager: "Anhang",
	},
	linkN: [kinds]string{
		SMS: "Anhang %d", MMS: "Anhang %d", VoiceMail: "Aufnahme %d", Fax: "Dokument %d", Pager: "Anhang %d",
	},
	files: [fileTypes]string{
		imageFile: "Bild", videoFile: "Video", audioFile: "Audio", cardFile: "Kontakt", pdfFile: "PDF", otherFile: "Datei",
	},
	numbered:  "%s %d",
	part:      "Teil %d",
	continued: "%s (Fortsetzung)",
	internal:  "%s (interne Notiz)",
	edited:    "(bearbeitet)",
	failed:    "(nicht zugestellt)",
}

var french = words{
	habit: habit{
		weekdays: [7]string{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
		months:   [12]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
		full:     "%s %s %s %d",
		date:     "%s %s %d",
		first:    "1er",
		clock:    "%02d:%02d",
		dateTime: "%s, %s",
	},
	title: [kinds]string{
		SMS: "SMS avec %s", MMS: "SMS avec %s", VoiceMail: "Message vocal\u00a0: %s", Fax: "Fax avec %s", Pager: "Messages internes avec %s",
	},
	list:        ", ",
	and:         "%s et %s",
	andOthers:   "%s et %d autres",
	somebody:    "Inconnu",
	colon:       "\u00a0: ",
	times:       "%s, fuseau horaire %s",
	then:        "%s, puis %s",
	count:       "Messages\u00a0: %d",
	voiceMail:   "Message vocal",
	voiceMailOf: "Message vocal (%d:%02d)",
	fax:         "Fax",
	faxOf1:      "Fax (1 page)",
	faxOf:       "Fax (%d pages)",
	noText:      "(sans texte)",
	link: [kinds]string{
		SMS: "Pièce jointe", MMS: "Pièce jointe", VoiceMail: "Écouter", Fax: "Ouvrir", Pager: "Pièce jointe",
	},
	linkN: [kinds]string{
		SMS: "Pièce jointe %d", MMS: "Pièce jointe %d", VoiceMail: "Enregistrement %d", Fax: "Document %d", Pager: "Pièce jointe %d",
	},
	files: [fileTypes]string{
		imageFile: "Image", videoFile: "Vidéo", audioFile: "Audio", cardFile: "Fiche de contact", pdfFile: "PDF", otherFile: "Fichier",
	},
	numbered:  "%s %d",
	part:      "partie %d",
	continued: "%s (suite)",
	internal:  "%s (note interne)",
	edited:    "(modifié)",
	failed:    "(non distribué)",
}

var spanish = words{
	habit: habit{
		weekdays: [7]string{"domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"},
		months:   [12]string{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"},
		full:     "%s, %s de %s de %d",
		date:     "%s de %s de %d",
		clock:    "%d:%02d",
		dateTime: "%s, %s",
	},
	title: [kinds]string{
		SMS: "SMS con %s", MMS: "SMS con %s", VoiceMail: "Mensaje de voz de %s", Fax: "Fax con %s", Pager: "Mensajes internos con %s",
	},
	list:        ", ",
	and:         "%s, %s", // "y" is "e" in front of some names
	andOthers:   "%s y %d más",
	somebody:    "Desconocido",
	colon:       ": ",
	times:       "%s, zona horaria %s",
	then:        "%s, luego %s",
	count:       "Mensajes: %d",
	voiceMail:   "Mensaje de voz",
	voiceMailOf: "Mensaje de voz (%d:%02d)",
	fax:         "Fax",
	faxOf1:      "Fax (1 página)",
	faxOf:       "Fax (%d páginas)",
	noText:      "(sin texto)",
	link: [kinds]string{
		SMS: "Adjunto", MMS: "Adjunto", VoiceMail: "Escuchar", Fax: "Abrir", Pager: "Adjunto",
	},
	linkN: [kinds]string{
		SMS: "Adjunto %d", MMS: "Adjunto %d", VoiceMail: "Grabación %d", Fax: "Documento %d", Pager: "Adjunto %d",
	},
	files: [fileTypes]string{
		imageFile: "Imagen", videoFile: "Video", audioFile: "Audio", cardFile: "Tarjeta de contacto", pdfFile: "PDF", otherFile: "Archivo",
	},
	numbered:  "%s %d",
	part:      "parte %d",
	continued: "%s (continuación)",
	internal:  "%s (nota interna)",
	edited:    "(editado)",
	failed:    "(no entregado)",
}

var portuguese = words{
	habit: habit{
		weekdays: [7]string{"domingo", "segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado"},
		months:   [12]string{"janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro", "dezembro"},
		full:     "%s, %s de %s de %d",
		date:     "%s de %s de %d",
		first:    "1º",
		clock:    "%02d:%02d",
		dateTime: "%s, %s",
	},
	title: [kinds]string{
		SMS: "SMS com %s", MMS: "SMS com %s", VoiceMail: "Mensagem de voz de %s", Fax: "Fax com %s", Pager: "Mensagens internas com %s",
	},
	list:        ", ",
	and:         "%s e %s",
	andOthers:   "%s e mais %d",
	somebody:    "Desconhecido",
	colon:       ": ",
	times:       "%s, fuso horário %s",
	then:        "%s, depois %s",
	count:       "Mensagens: %d",
	voiceMail:   "Mensagem de voz",
	voiceMailOf: "Mensagem de voz (%d:%02d)",
	fax:         "Fax",
	faxOf1:      "Fax (1 página)",
	faxOf:       "Fax (%d páginas)",
	noText:      "(sem texto)",
	link: [kinds]string{
		SMS: "Anexo", MMS: "Anexo", VoiceMail: "Ouvir", Fax: "Abrir", Pager: "Anexo",
	},
	linkN: [kinds]string{
		SMS: "Anexo %d", MMS: "Anexo %d", VoiceMail: "Gravação %d", Fax: "Documento %d", Pager: "Anexo %d",
	},
	files: [fileTypes]string{
		imageFile: "Imagem", videoFile: "Vídeo", audioFile: "Áudio", cardFile: "Cartão de visita", pdfFile: "PDF", otherFile: "Anexo",
	},
	numbered:  "%s %d",
	part:      "parte %d",
	continued: "%s (continuação)",
	internal:  "%s (nota interna)",
	edited:    "(editado)",
	failed:    "(não entregue)",
}

var italian = words{
	habit: habit{
		weekdays: [7]string{"domenica", "lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato"},
		months:   [12]string{"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"},
		full:     "%s %s %s %d",
		date:     "%s %s %d",
		clock:    "%02d:%02d",
		dateTime: "%s, %s",
	},
	title: [kinds]string{
		SMS: "SMS con %s", MMS: "SMS con %s", VoiceMail: "Messaggio vocale di %s", Fax: "Fax con %s", Pager: "Messaggi interni con %s",
	},
	list:        ", ",
	and:         "%s e %s",
	andOthers:   "%s e altri %d",
	somebody:    "Sconosciuto",
	colon:       ": ",
	times:       "%s, fuso orario %s",
	then:        "%s, poi %s",
	count:       "Messaggi: %d",
	voiceMail:   "Messaggio vocale",
	voiceMailOf: "Messaggio vocale (%d:%02d)",
	fax:         "Fax",
	faxOf1:      "Fax (1 pagina)",
	faxOf:       "Fax (%d pagine)",
	noText:      "(senza testo)",
	link: [kinds]string{
		SMS: "Allegato", MMS: "Allegato", VoiceMail: "Ascolta", Fax: "Apri", Pager: "Allegato",
	},
	linkN: [kinds]string{
		SMS: "Allegato %d", MMS: "Allegato %d", VoiceMail: "Registrazione %d", Fax: "Documento %d", Pager: "Allegato %d",
	},
	files: [fileTypes]string{
		imageFile: "Immagine", videoFile: "Video", audioFile: "Audio", cardFile: "Scheda contatto", pdfFile: "PDF", otherFile: "File",
	},
	numbered:  "%s %d",
	part:      "parte %d",
	continued: "%s (seguito)",
	internal:  "%s (nota interna)",
	edited:    "(modificato)",
	failed:    "(non consegnato)",
}

var dutch = words{
	habit: habit{
		weekdays: [7]string{"zondag", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag"},
		months:   [12]string{"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"},
		full:     "%s %s %s %d",
		date:     "%s %s %d",
		clock:    "%02d:%02d",
		dateTime: "%s, %s",
	},
	title: [kinds]string{
		SMS: "Sms met %s", MMS: "Sms met %s", VoiceMail: "Voicemail van %s", Fax: "Fax met %s", Pager: "Interne berichten met %s",
	},
	list:        ", ",
	and:         "%s en %s",
	andOthers:   "%s en %d anderen",
	somebody:    "Onbekend",
	colon:       ": ",
	times:       "%s, tijdzone %s",
	then:        "%s, daarna %s",
	count:       "Berichten: %d",
	voiceMail:   "Voicemail",
	voiceMailOf: "Voicemail (%d:%02d)",
	fax:         "Fax",
	faxOf1:      "Fax (1 pagina)",
	faxOf:       "Fax (%d pagina’s)",
	noText:      "(geen tekst)",
	link: [kinds]string{
		SMS: "Bijlage", MMS: "Bijlage", VoiceMail: "Beluisteren", Fax: "Openen", Pager: "Bijlage",
	},
	linkN: [kinds]string{
		SMS: "Bijlage %d", MMS: "Bijlage %d", VoiceMail: "Opname %d", Fax: "Document %d", Pager: "Bijlage %d",
	},
	files: [fileTypes]string{
		imageFile: "Afbeelding", videoFile: "Video", audioFile: "Audio", cardFile: "Contactkaart", pdfFile: "PDF", otherFile: "Bestand",
	},
	numbered:  "%s %d",
	part:      "deel %d",
	continued: "%s (vervolg)",
	internal:  "%s (interne notitie)",
	edited:    "(bewerkt)",
	failed:    "(niet afgeleverd)",
}

var japanese = words{
	habit: habit{
		weekdays: [7]string{"日曜日", "月曜日", "火曜日", "水曜日", "木曜日", "金曜日", "土曜日"},
		months:   [12]string{"1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"},
		full:     "%[4]d年%[3]s%[2]s日 %[1]s",
		date:     "%[3]d年%[2]s%[1]s日",
		clock:    "%d:%02d",
		dateTime: "%s %s",
	},
	title: [kinds]string{
		SMS: "%sとのSMS", MMS: "%sとのSMS", VoiceMail: "%sからのボイスメール", Fax: "%sとのFAX", Pager: "%sとの内線メッセージ",
	},
	list:        "、",
	and:         "%s、%s",
	andOthers:   "%sほか%d名",
	somebody:    "不明な相手",
	colon:       "：",
	times:       "%s、タイムゾーン：%s",
	then:        "%s、途中から%s",
	count:       "メッセージ数：%d",
	voiceMail:   "ボイスメール",
	voiceMailOf: "ボイスメール (%d:%02d)",
	fax:         "FAX",
	faxOf1:      "FAX (1ページ)",
	faxOf:       "FAX (%dページ)",
	noText:      "(本文なし)",
	link: [kinds]string{
		SMS: "添付ファイル", MMS: "添付ファイル", VoiceMail: "再生", Fax: "開く", Pager: "添付ファイル",
	},
	linkN: [kinds]string{
		SMS: "添付ファイル%d", MMS: "添付ファイル%d", VoiceMail: "録音%d", Fax: "文書%d", Pager: "添付ファイル%d",
	},
	files: [fileTypes]string{
		imageFile: "画像", videoFile: "動画", audioFile: "音声", cardFile: "連絡先", pdfFile: "PDF", otherFile: "ファイル",
	},
	numbered:  "%s%d",
	part:      "その%d",
	continued: "%s (続き)",
	internal:  "%s (社内メモ)",
	edited:    "(編集済み)",
	failed:    "(未配信)",
}
