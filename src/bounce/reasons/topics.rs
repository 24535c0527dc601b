//! What words are about, in the languages of the world: the vocabulary of [`super::sense`].
//!
//! Plain spelling (see [`super::fold`]), separated by `|`. A word matches at the start of a word; `$` says that it ends there too.

/// What a word is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// The recipient's address itself.
    Address,
    /// The recipient or the mailbox, by a noun.
    Recipient,
    /// What the recipient wants himself.
    Own,
    /// The recipient's domain.
    Domain,
    /// Not.
    Not,
    /// There, known, valid; with [`Topic::Not`]: missing.
    There,
    /// Missing, in one word.
    Missing,
    /// No room.
    Full,
    /// Closed for good.
    Closed,
    /// Closed for now.
    Locked,
    /// Not for good.
    ForNow,
    /// Somewhere else.
    Moved,
    /// The message or a part of it.
    Message,
    /// A size.
    Size,
    /// Over a size.
    TooBig,
    /// Over a limit.
    Over,
    /// What may not be exceeded.
    Limit,
    /// Our envelope sender.
    Sender,
    /// Not genuine.
    Fake,
    /// Our network address.
    Ip,
    /// Our host or network.
    Client,
    /// Kept out.
    Refused,
    /// Things that come in numbers.
    Countable,
    /// More than allowed.
    TooMany,
    /// A span of time that a rate is measured in.
    PerTime,
    /// Proof of who we are.
    Login,
    /// Wanted.
    Needed,
    /// Files with the message.
    Attachment,
    /// Rules.
    Rule,
    /// Long waiting.
    Wait,
    /// Attempts at delivery.
    Tries,
    /// Given up, or still trying.
    GaveUp,
    /// Ways through the network.
    Network,
    /// Broken, of the network.
    Cut,
    /// The remote system.
    System,
    /// Broken, of a system.
    Broken,
    /// Broken, of whatever it is said.
    Down,
    /// The remote system has no time, said in one phrase.
    Busy,
    /// A connection to the server.
    Connection,
    /// Proofs of who sent it.
    Proof,
    /// The form of a message.
    Form,
    /// Brought to its recipient.
    Delivered,
    /// Given back to its sender.
    Returned,
    /// The name of our address in the DNS.
    Ptr,
    /// Where mail is stored, for all recipients together.
    Disk,
    /// Several recipients under one address.
    Group,
}

use Topic::{
    Address, Attachment, Broken, Busy, Client, Closed, Connection, Countable, Cut, Delivered, Disk, Domain, Down, Fake,
    ForNow, Form, Full, GaveUp, Group, Ip, Limit, Locked, Login, Message, Missing, Moved, Needed, Network, Not, Over,
    Own, PerTime, Proof, Ptr, Recipient, Refused, Returned, Rule, Sender, Size, System, There, TooBig, TooMany, Tries,
    Wait,
};

/// How many topics there are.
pub(super) const TOPICS: usize = Group as usize + 1;

pub(super) const WORDS: &[(Topic, &str)] = &[
    (Address, "@"),
    (
        Recipient,
        "postbox|post box|mail folder|mailfolder|receiver|correspondent|destination address|destination user|student|holder|cliente|clienti|konta$|kunden|user|recipient|addressee|mailbox|mail box|inbox|account|address|alias|subscriber|member$|person$|person.s|\
         employee|customer|rcpt|login name|local part|local-part|maildrop|message store|mail store|delivery point|this name|that name|\
         empfanger|empfaenger|adressat|benutzer|teilnehmer|nutzer|postfach|posteingang|postfaech|konto|adress|mailadress|emailadress|mailkonto|emailkonto|kunde|\
         destinataire|utilisateur|boite|compte$|abonne$|\
         destinatari|usuario|buzon|cuenta|direccion|casilla|bandeja|\
         utilizador|caixa|conta$|endereco|\
         utente|casella|caselle|indirizzo|\
         ontvanger|gebruiker|geadresseerde|postvak|postbus|\
         odbiorc|uzytkowni|skrzynk|\
         primatelj|prejemnik|korisni|uporabnik|sanduc|prijemc|uzivatel|schrank|adres|ucet|\
         cimzett|felhasznalo|postafiok|postalada|\
         destinatar|utilizator|casuta|contul|\
         alici|kullanici|posta kutu|kutusu|hesap|hesab|\
         mottagare|modtager|mottaker|anvandare|bruger|bruker|kontoen|brevlada|postboks|postkasse|inkorg|innboks|indbakke|\
         vastaanottaj|kayttaj|postilaatik|osoit|\
         получател|пользовател|адресат|адрес|ящик|абонент|учетн|аккаунт|отримувач|користувач|скриньк|потребител|кутия|\
         παραληπτ|χρηστ|λογαριασμ|διευθυνσ|γραμματοκιβωτ|θυριδ|\
         נמען|משתמש|תיבה|תיבת|חשבון|כתובת|\
         مستلم|مستخدم|صندوق|حساب|عنوان|\
         收件人|收信人|收件者|用户|用戶|使用者|邮箱|信箱|郵箱|帐号|账号|帳號|账户|帐户|地址|位址|\
         受信者|宛先|あて先|ユーザ|メールボックス|アカウント|アドレス|\
         수신자|수신인|사용자|메일함|편지함|계정|주소|받는|\
         nguoi nhan|hop thu|dia chi|tai khoan|nguoi dung|penerima|kotak masuk|kotak surat|akun|alamat|pengguna|ผู้รับ|กล่อง|บัญชี",
    ),
    (
        Own,
        "addressee has|수신자가|받는 사람이|收件人拒|受信者が|受信者によ|of the owner|by the owner|owner of th|gebruiker heeft|empfanger hat|empfaenger hat|destinataire a |utilisateur a |usuario ha|destinatario ha|utente ha|usuario tem|uzytkownik zablok|odbiorca zablok|пользователь заблок|получатель заблок|получатель отказ|адресат отказ|reception setting|receiving setting|recipient's setting|recipient's rule|filtering setting|by the receiver|receiver's|受信者の設定|personal|ignore list|addressee refus|recipient refus|recipient rejects|user refus|user rejects|refused to receive|refuse to receive|request of the recipient|recipient's request|recipient has|user setting|user preference|recipient's own|user has|chosen|does not want|do not want|no longer wish|recipient declin|addressee declin|user declin|\
         does not wish|by the recipient$|by the user$|user's|recipient's|own list|private list",
    ),
    (
        Domain,
        "domain|mx record|mx entr|hostname|host name|mail server of|mail server for|mail exchanger|dominio|domaine|domane|domein|домен|域名|網域|ドメイン|도메인|ten mien",
    ),
    (
        Not,
        "neni$|not$|no$|neither|never|cannot|without|none|unable|failed to|failed for|\
         nicht|kein|pas$|aucun|ne$|n'|ningun|sin$|nao$|nenhum|sem$|non$|nessun|niet$|geen$|nie$|brak$|nem$|nincs|nu$|\
         basarisiz|fehlgeschlagen|mislukt|no fue posible|echec|misslyck|mislykk|epaonnist|sikertelen|nelze|nebyl|nebol|nije|nepodar|nemohl|yok|degil|inte$|ingen|ikke|ei$|не$|нет$|нема|няма|δεν|לא|אינו|אינה|אין|غير|لا$|لم$|不|没|沒|无|無|未|απετυχε|αποτυχι|ません|없|않|못|失败|失敗|실패|فشل|تعذر|сбой|khong|tidak|ไม่",
    ),
    (
        There,
        "risulta|tra i nostri|consta|cadastr|one of the|one of our|set up|one of ours|of ours|登録され|使われて|使用されて|利用されて|takov|taki|takie|такого|такой|sadan|exist|found|find|known|know$|knows|recogni|valid$|validated|locate|regist|listed$|present$|provision|created|a local|forwarder|defined|identif|appear|in use|\
         be verified|verify|resolv|served|belong|reside|match|record|entry|handled|hosted|of that name|with this name|by that name|of this name|by this name|a ce nom|de ce nom|con ese nombre|mit diesem namen|dieses namens|a quel nome|com esse nome|met die naam|with that|user of|an account|a mailbox|on file|on the list|in the list|on our list|user list|at this company|in our list|assigned|in aliases|route list|recipient list|on record|on this system|on this server|on this host|on our server|on our system|in our|in the directory|deliverable|\
         existier|gefunden|bekannt|gultig|gueltig|vorhanden|eingerichtet|registrier|gibt|angelegt|ermittel|\
         trouv|connu|valide|repertori|enregistr|recens|encontr|correspond|conoc|registrad|encuentr|localiz|\
         conhec|registad|cadastrad|esist|trovat|conosc|presente|bestaat|gevonden|bekend|geldig|geregistreerd|\
         postoji|obstaja|istniej|znaleziono|znany|zarejestrowan|existuj|nalezen|letezik|talalhato|ismert|gasit|cunoscut|mevcut|kayitli|\
         finns|hittas|hittades|kand$|findes|kendes|finnes|fundet|funnet|kendt|kjent|olemassa|loydy|tunnet|\
         существу|найден|зарегистриров|известен|існу|знайден|зареєстров|съществува|намерен|\
         υπαρχ|βρεθηκ|γνωστ|קיים|קיימת|נמצא|מוכר|موجود|معروف|存在|找到|开通|開通|注册|註冊|此人|该用户|존재|등록|찾을|ton tai|ditemukan|dikenal|พบ",
    ),
    (
        Missing,
        "not have a mail|not have an inbox|not have an account|not have an address|not have an email|has no mail|has no inbox|has no account|nowhere|is missing|找不到|地址错误|地址有误|地址无效|地址無效|not a customer|not a client|not a member|not a subscriber|no mail exchanger|no mail server|no mail host|plus de compte|plus de boite|plus d'adresse|pas d'adresse|unknown|unknow|never opened|never existed|unkown|no user|no account|no mailbox|no person|no addressee|no customer|no subscriber|no employee|nonexist|non-exist|non exist|no such|nobody|no one|no-one|invalid|incorrect$|wrong$|unrecogni|unlisted|never such|not resolvable|points to nothing|\
         undefined|unregistered|inexist|misspel|mistyped|unavailable|not available|not exist|does not work here|\
         no longer exist|unresolv|null mx|nxdomain|no mx$|no dns|not user|not a user|\
         unbekannt|ungultig|ungueltig|inconnu|introuvable|pas de compte|pas de boite|aucun compte|invalide|desconocid|inexistente|desconhecid|sconosciut|inesistent|\
         onbekend|ongeldig|nieznan|nie ma taki|neznam|neexist|nenalezen|nenasl|ismeretlen|nincs|necunoscut|bilinmeyen|bulunama|gecersiz|boyle bir|okand|ukendt|ukjent|ugyldig|\
         tuntemat|неизвестн|невідом|неверн|несуществ|отсутствует|неизвестен|непознат|αγνωστ|不存在|不明|查无|無此|无此|無効なアドレス|\
         存在しま|存在しな|見つかりま|登録されてい|該当する|없는|nieistniej",
    ),
    (
        Full,
        "used all|has too much|exhaust|at capacity|to store|space granted|out of room|all used|no more mail|no more messages|hold more|holds no more|hold no more|allotment|allocation|crammed|overflow|not able to take more|cannot take more|take no more|full$|full.|too full|quota|overquota|allotted|allowance|filled$|completely full|capacity|no room|room left|enough room|more room|room for|storage|disk usage|disk space|out of space|no space|free space|space left|\
         more space|overfull|used up|100%|mb used|maximum size|maximum mailbox|more mail|over limit|above limit|over the limit|bursting|\
         voll$|voll.|uberfullt|ueberfuellt|speicherplatz|speichervolumen|speicherlimit|speichergrenze|kontingent|erschopft|erschoepft|\
         plein|sature|espace|llena|lleno|espacio|cuota|capacidad|capacite|capacita|cheia|cheio|lotad|espaco|cota$|piena|pieno|piene|pieni|esaurit|spazio|\
         vol$|overvol|ruimte|pun$|puna$|prepun|pelna|pelne|pelny|przepeln|zapeln|miejsca|plna|preplnen|mista$|megtelt|betelt|plina|spatiu|\
         delete some|delete old|make room|free up|dolu|dolmus|kota$|fullt|fuld$|fyldt|taynna|taysi$|переполн|препълн|заполнен|нет места|места нет|квот|γεματ|πληρ|מלאה|מלא$|ممتلئ|\
         已满|已滿|满了|空间不足|空間不足|容量|配额|超限|いっぱい|一杯|空き|가득|꽉|초과|용량|penuh|เต็ม",
    ),
    (
        Closed,
        "gave up this|gave up the|not enabled|lapsed|dropped from|shut$|struck off|dada de baja|de baja$|aufgelost|aufgeloest|beendet|erloschen|사용하지 않|closed|close by|deactivat|de-activat|disabled|disactiv|deprovision|was given up|has ended|ended with|turned off|ended on|shut off|archived|terminat|cancel|deleted|removed|inactive|retired|discontinu|decommission|\
         purged|expired|abandon|dormant|shut down|shut by|was shut|ceased|withdrawn|not active|not in use|no longer in use|no longer active|\
         no longer in service|no longer valid|no longer used|no longer available|no longer accept|no longer receiv|no longer monitor|\
         not in service|out of service|defunct|obsolete|erased|wiped|switched off|not activated|\
         geschlossen|geloscht|geloescht|deaktiviert|stillgelegt|gekundigt|gekuendigt|abgemeldet|inaktiv|abgeschaltet|\
         ferme|plus actif|plus active|plus valide|plus en service|plus utilise|supprim|desactiv|resili|inactif|cloture|cerrad|eliminad|cancelad|inactiv|dado de baja|borrad|\
         encerrad|excluid|removid|inativ|chius|disattivat|eliminat|cancellat|rimoss|cessat|inattiv|disabilitat|\
         gesloten|opgeheven|verwijderd|gedeactiveerd|opgezegd|inactief|zamkniet|usuniet|skasowan|nieaktywn|zlikwidowan|wylaczon|\
         zrusen|smazan|uzavren|deaktivovan|megszunt|torolt|megszuntet|inchis|sters|dezactivat|kapatil|kapali|silin|iptal|devre disi|\
         stangt|avslutat|inaktiver|borttag|avstangt|lukket|nedlagt|slettet|stengt|avsluttet|suljettu|poistettu|\
         закрыт|удален|отключен|деактивирован|неактивен|закрито|видален|вимкнен|изтрит|\
         κλειστ|διαγραφ|נסגר|מושבת|מחק|معطل|مغلق|محذوف|停用|注销|註銷|禁用|关闭|關閉|已删除|已刪除|取消|削除|無効|解約|廃止|삭제|폐쇄|해지|탈퇴|비활성|da bi xoa|ditutup|dihapus|ปิด",
    ),
    (
        Locked,
        "the bill|asleep|to sleep|not paid|non abilitat|no habilitad|nao habilitad|suspended|suspension|restricted|locked|frozen|freez|on hold|temporarily disabled|temporarily inactive|temporarily closed|hangup|hung up by|forbided|forbidden|\
         non-payment|payment|paused|not pay|unpaid|barred|blocked by admin|blocked for now|is blocked by|account blocked|user blocked|account is blocked|mailbox blocked|mailbox is blocked|\
         gesperrt|eingefroren|vorubergehend|voruebergehend|suspend|verrouill|bloquead|suspens|sospes|bloccat|geblokkeerd|opgeschort|\
         zablokowan|zawieszon|zablokovan|pozastaven|felfuggeszt|zarolt|blocat|askiya|dondurul|kilitli|sparrad|lasst|sperret|laast|lukittu|jaadytetty|\
         заблокирован|приостановлен|заморожен|заблоковано|блокиран|κλειδωμ|נעול|מושהה|موقوف|معلق|冻结|凍結|锁定|鎖定|挂起|停止|ロック|정지|휴면|잠금",
    ),
    (
        ForNow,
        "temporar|temporal|tempora$|provisoire|provisor|voruber|vorueber|tillfallig|midlertidig|tijdelijk|tymczasow|docasn|dočasn|ideiglenes|\
         gecici|valiaikais|временн|тимчасов|προσωριν|一時|暂时|暫時|临时|일시",
    ),
    (
        Moved,
        "works now|now works|now has the|now uses|now reachable|now be reached|nouvelle adresse|nueva direccion|nuovo indirizzo|novo endereco|nieuw adres|nowy adres|новый адрес|moved to|has moved|new address|changed address|address has changed|changed his|changed her|changed their|left the company|\
         has left|no longer work|no longer with|no longer employ|another employer|left our|is gone|nicht mehr tatig|nicht mehr taetig|ausgeschieden|neue adresse|\
         a change d'adresse|a quitte|ya no trabaja|mudou de|nao trabalha mais|non lavora piu|werkt niet meer|nie pracuje|больше не работает|已离职|離職|退職",
    ),
    (
        Message,
        "message|mail$|email|e-mail|letter$|body|nachricht|courriel|mensaje|mensagem|messaggio|bericht|wiadomosc|zprav|uzenet|mesaj|ileti|meddelande|besked|melding|viesti|\
         сообщени|письм|лист$|μηνυμα|הודעה|رسالة|邮件|郵件|信件|メール|메일|thu$|pesan",
    ),
    (
        Size,
        "grosse|groesse|size|length|volume|mb$|kb$|gb$|megabyte|octets|bytes|taille|tamano|tamanho|dimension|grootte|rozmiar|velikost|meret|boyut|storlek|storrelse|koko$|размер|розмір|μεγεθος|大小|サイズ|크기",
    ),
    (
        TooBig,
        "longer than|heavier|huge|too heavy|too large|too big|too long|larger than|bigger than|larger|bigger|oversize|size|above the|zu gross|zu lang|trop grand|trop lourd|trop volumineux|muy grande|demasiado|muito grande|troppo grande|\
         te groot|zbyt duz|za duz|prilis velk|tul nagy|prea mare|cok buyuk|for stor|liian suuri|слишком|завелик|过大|太大|過大|大きすぎ|너무",
    ),
    (
        Over,
        "allowance|surpass|went over|goes over|exceed|exeed|over$|above|beyond|more than|limit|maximum|at most|hochstens|hoechstens|maximal|au plus|al massimo|como maximo|no maximo|ten hoogste|uberschritten|ueberschritten|uberschreitet|depass|exced|super|oltre|overschr|przekr|prekroc|meghalad|depas|asiyor|overskr|ylitt|превыш|перевищ|超过|超過|超出|超え|上限|초과",
    ),
    (Limit, "limit|maximum|allowance|grenze|limite|limiet|границ|лимит|上限|限制|제한"),
    (
        Sender,
        "sender|originator|mail from @|mail from:|mail from domain|mail from address|from address|envelope from|envelope-from|return path|return-path|expediteur|remitente|absender|remetente|mittente|afzender|nadawc|odesilatel|\
         felado|expeditor|gonderen|gonderici|avsandare|afsender|avsender|lahettaj|отправител|відправник|发件人|寄件者|寄件人|送信者|差出人|발신자|보낸",
    ),
    (Fake, "fake|forged|spoof|bogus|not genuine|unvalidated|not verified|unverified|gefalscht|faux|falso"),
    (
        Ip,
        "ip$|ips$|ip address|ip-address|ip-number|black ip|su ip|ip-adresse|adresse ip|direccion ip|endereco ip|indirizzo ip|ip адрес|ip地址",
    ),
    (
        Client,
        "as number|asn|sending host|sending server|mta$|your network|your host|your server|your mail server|client$|clients$|country|countries|your region|provider is|from your provider|isp$|your net|part of the net|relay host|hosts$|network|range$|ranges$|asn$|subnet|netblock",
    ),
    (
        Refused,
        "not in whitelist|not whitelisted|closed to|non-member|may not be|not permit|not allow|not served|no service for|binned|thrown away|discarded|nicht angenommen|nicht akzeptiert|nicht zugelassen|n'est pas accept|ne sont pas accept|no se acepta|non accettat|nao aceit|niet geaccepteerd|nie przyjm|не принима|不接受|受け付け|not let|declin|barred|bars$|turned away|turned down|do not take|does not take|not taken|kept out|cannot accept|may not send|受け取れ|受け取りま|受信しま|受信できま|block|ban$|banned|bans|black|reject|refus|denied|deny|denies|not permitted|not allowed|not accept|disallow|forbid|prohibit|unwelcome|not welcome|go away|no mail from|\
         take no mail|listed|do not talk|abuse|shut out|prison|jail|penalty|not admit|stopped|abgelehnt|gesperrt|abgewiesen|refuse|rechaz|bloque|recusad|rejeitad|solo acepta|acepta solo|accepte uniquement|n'accepte que|nimmt nur|accetta solo|aceita apenas|accepteert alleen|rifiut|respint|autorizzato a|autorizzata a|autorizado a|nicht erlaubt|nicht gestattet|nicht berechtigt|bloccat|geweigerd|geblokkeerd|odrzuc|zablokow|odmit|zablokovan|\
         elutasit|respins|blocat|reddedil|engellen|avvisa|blockera|afvist|avvist|hylat|отклонен|заблокирован|запрещен|відхилен|απορρ|נדחת|مرفوض|拒绝|拒絕|拒收|被拒|屏蔽|禁止|拒否|거부|차단",
    ),
    (
        Countable,
        "users|addresses|unknown|message|mails|emails|people|bounces|connection|recipient|rcpt|session|deliver|attempt|request|command|invalid|from you|same|nachrichten|verbindungen|empfanger|connexions|mensajes|conexiones|сообщений|соединений|邮件|连接|連線|接続",
    ),
    (
        TooMany,
        "more mail from you|more mails from you|more messages from you|than we can|no more than|too many|excessive|too much|too often|too fast|too quick|so many|out of allow|zu viele|trop de|demasiad|muitas|troppe|troppi|te veel|zbyt wiele|prilis mnoho|слишком много|слишком часто|过多|過多|太多|过快|多すぎ|過多|过多",
    ),
    (
        PerTime,
        "last hour|last day|last minute|hourly|daily|per hour|per minute|per day|per second|an hour|a day|a minute|rate$|rates$|in a short|for this hour|24 hours|24h|frequen|flood|throttl|slow down|pro stunde|par heure|por hora|в час|每小时|频率",
    ),
    (Proof, "spf$|dkim$|dmarc$|domainkey"),
    (
        Login,
        "auth$|login|log in|log on|logon|authenticat|password|credential|tls$|starttls|ssl$|smtp auth|smtp-auth|anmeld|identifi|contrasena|senha|smtp mx only",
    ),
    (Needed, "must|require|need|first$|mandatory|insist|only$|please|fail|invalid|not$|no$|wrong|bad$|lack"),
    (
        Attachment,
        "a file$|anhaeng|anlage$|anlagen|makros$|macros$|attachment|attached|content$|file type|filetype|extension|files$|archive|executable|.exe|.zip|anhang|anhange|piece jointe|adjunto|anexo|allegato|bijlage|zalacznik|priloha|вложен|ausfuhrbar|ausfuehrbar|附件|添付",
    ),
    (
        Form,
        "header|date field|from line|from field|message-id|mime$|boundary|character|charset|encoding|line is longer|lines are longer|bare lf|bare newline",
    ),
    (
        Rule,
        "rule|policy|policies|regulation|guideline|regel|richtlin|regle|politique|politica|regla|beleid|polityk|zasad|politik|правил|политик|策略|规则|ポリシー|정책",
    ),
    (
        Wait,
        "hour(s)|day(s)|minute(s)|days|hours|minutes|seconds|in queue|in the queue|queue|retry|retries|tries|tried|trying for|trying again|keep trying|still trying|attempts|times$|tage|tagen|stunden|jours|heures|dias|horas|giorni|ore$|dagen|uren|dni$|godzin|дней|часов|суток|小时|時間|일간|시간",
    ),
    (
        Tries,
        "retry|retries|tries$|attempts|versuche$|tentatives|intentos|tentativas|tentativi|pogingen|попыт|次数|回数",
    ),
    (
        GaveUp,
        "aborted|after trying|in vain|gave up|given up|giving up|give up|expired|too long|timeout|timed out|undelivered|without success|keep trying|keep on trying|still trying|try again until|will be retried|no more attempts|not yet|exceeded|elapsed|\
         aufgegeben|ohne erfolg|abgelaufen|sans succes|sin exito|sem sucesso|senza successo|zonder succes|bez powodzenia|без успеха|безуспешн|超时|超時|未能",
    ),
    (
        Network,
        "next hop|hop$|session|connect|connection|dns$|name server|nameserver|route|network|tcp|smtp server|remote server|remote host|mail server|mail exchanger|mx$|verbindung|connexion|conexion|conexao|connessione|verbinding|polaczeni|spojeni|соединен|连接|連線|接続|연결",
    ),
    (
        Connection,
        "session|connect|verbindung|connexion|conexion|conexao|connessione|verbinding|polaczeni|spojeni|соединен|连接|連線|接続|연결",
    ),
    (
        Cut,
        "could be made|can be made|not be opened|not be established|cannot reach|could not reach|not be reached|timeout|timed out|time out|refused|reset|lost|unreach|no answer|not answer|not respond|no response|no route|dropped|broken|hung up|temporary failure|temporarily|failed|failure|fehlgeschlagen|abgebrochen|perdue|perdida|interrott|superat|разорван|失败|超时|失敗|切断",
    ),
    (
        System,
        "server|system|storage|process|spool|database|disk|file|queue|internal|home directory|service|backend|resource|interner|serveur|sistema|servidor|сервер|системн|服务器|伺服器|サーバ|시스템",
    ),
    (
        Broken,
        "could not be written|cannot be written|not writable|cannot write|could not write|failed to write|offline|error|trouble|broke|fail|down$|crash|problem|maintenance|temporar|corrupt|overload|busy|out of|not writable|fehler|storung|stoerung|wartung|erreur|panne|fallo|averia|erro$|falha|errore|guasto|fout|storing|blad|chyb|hiba|eroare|hata|fel$|fejl|feil|virhe|ошибк|сбой|помилк|错误|錯誤|故障|障害|エラー|오류|장애",
    ),
    (
        Down,
        "trouble|broke|broken|crash|maintenance|corrupt|offline|is down$|are down$|was down$|were down$|went down$|goes down$|broke down$|server down$|damaged|wartung|defekt|panne|guasto|storing|awari|авари|故障|障害|장애",
    ),
    (
        Busy,
        "queue unavailable|database unavailable|database is unavailable|database is currently un|transport unavailable|transport error|directory unavailable|directory is unavailable|service is currently un|service is temporarily un|server unavailable|server is unavailable|server not available|server is not available|server temporarily unavailable|server busy|server is busy|server too busy|server is too busy|\
         server is down|server down|system busy|system is busy|system unavailable|system is unavailable|host busy|host unavailable|host is unavailable|too busy|load is too high|load too high|high load|overloaded|too much load",
    ),
    (
        Delivered,
        "deliver|reach|handed over|hand your|passed on|forwarded|transmit|be sent|been sent|zustell|zugestellt|auslief|ausgelief|ubergeben|uebergeben|ubermittel|uebermittel|\
         remis$|remise$|delivr|distribu|transmis|achemin|entreg|enviad|llegar|recapit|consegn|inoltrat|bezorg|aflever|afgelever|doreczy|doreczon|dostarczy|dostarczon|\
         dorucit|dorucen|kezbesit|livrat|livra$|isporuc|teslim|ulastiril|iletil|gonderil|leverer|levert|levere|toimitet|toimitt|perille|\
         доставл|доставит|доставк|отправлен|передан|доставити|παραδοθηκ|παραδο|נמסר|نسليم|تسليم|توصيل|إيصال|投递|投遞|送达|送達|发送|傳送|届き|届け|送信|配信|전달|전송|gui duoc|terkirim|dikirim|ส่ง",
    ),
    (
        Returned,
        "returned|sent back|is returned|bounced|zuruck|zurueck|retourn|renvoy|devuelt|devolvid|restituit|teruggestuurd|zwrot|zwrocon|vracen|visszakuld|returnat|iade$|returnerat|возвращ|возврат|повернен|退回|退信|返送|반송",
    ),
    (
        Ptr,
        "ptr|fcrdns|rdns|reverse name|reverse host|reverse map|reverse record|reverse entr|reverse resol|forward and reverse|reverse and forward|\
         name for your ip|name for your address|name of your address",
    ),
    (Disk, "disk of|disk is|disk on|disks$|file system|filesystem|partition|spool|mail system|device|mail server"),
    (
        Group,
        "this group|the group|mailing list|this list|distribution list|distribution group|restricted list|closed list|moderated",
    ),
];
