"""People write back; Twilio's own STOP filter hears them before the application does."""

from collections.abc import Callable
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from sender.simulator.config import Phones
from sender.simulator.inbound import twiml_messages
from sender.simulator.phones import PhoneBook
from sender.simulator.server import Running

SHOP, TOLL_FREE, SHORT, POOLED = "+12025550100", "+18885550100", "55512", "+12025550111"
ANN = "+12125550101"
TOKEN, SERVICE = "token-of-the-account", "MG" + "0" * 31 + "1"


def accepted(client: Client, **sender: str) -> bool:
    """True when a text to Ann from this sender is taken at once, False when she is blocked there."""
    try:
        client.messages.create(to=ANN, body="x", **sender)
    except TwilioRestException as error:
        if error.code != 21610:
            raise
        return False
    return True


def test_an_inbound_text_is_posted_signed(simulator: Running, application: Any, ask: Callable[..., Any]) -> None:
    """The inbound webhook has Twilio's fields and a signature its validator accepts."""
    result = ask(simulator, "inbound", {"from": ANN, "to": SHOP, "body": "What time?\r\n "})
    received = application.wait_for(1)[0]
    assert result["results"] == [{"sid": received["MessageSid"], "http": 200, "error": None}]
    assert (received["From"], received["To"], received["Body"]) == (ANN, SHOP, "What time?\r\n ")
    assert (received["SmsStatus"], received["NumMedia"], received["FromCountry"]) == ("received", "0", "US")
    url = f"{application.url}/inbound"
    signature = received.headers["X-Twilio-Signature"]
    assert RequestValidator(TOKEN).validate(url, dict(received.fields), signature)
    line = simulator.wait_for("inbound")[0]
    assert (line["from"], line["to"], line["http"]) == (ANN, SHOP, 200)
    assert float(str(line["sent_at"])) <= float(str(line["answered_at"]))


@pytest.mark.parametrize("word", ["STOP", "stop", " Unsubscribe ", "OPTOUT", "revoke"])
def test_a_stop_word_blocks_before_the_webhook(
    simulator: Running, client: Client, application: Any, ask: Callable[..., Any], word: str
) -> None:
    """STOP blocks the pair, is answered by the provider, still reaches the application; START lifts it."""
    ask(simulator, "inbound", {"from": ANN, "to": SHOP, "body": word})
    assert application.wait_for(1)[0]["Body"] == word
    assert not accepted(client, from_=SHOP)
    assert accepted(client, from_=TOLL_FREE)
    reply, posted = simulator.seen("provider_reply", to=ANN, word="STOP")[0], simulator.seen("inbound")[0]
    heard = simulator.seen("heard", word="STOP")[0]
    assert int(str(heard["n"])) < int(str(reply["n"])) < int(str(posted["n"]))
    ask(simulator, "inbound", {"from": ANN, "to": SHOP, "body": "Yes"})
    assert accepted(client, from_=SHOP)


@pytest.mark.parametrize("text", ["STOP PLEASE", "Stop.", "ARRET", "please stop texting me", ""])
def test_other_words_reach_the_application_unblocked(
    simulator: Running, client: Client, application: Any, ask: Callable[..., Any], text: str
) -> None:
    """Twilio acts on single exact words only; the rest is the application's to understand."""
    ask(simulator, "inbound", {"from": ANN, "to": SHOP, "body": text})
    assert application.wait_for(1)[0]["Body"] == text
    assert accepted(client, from_=SHOP)
    assert simulator.seen("provider_reply") == []


def test_each_kind_of_sender_filters_in_its_way(simulator: Running, client: Client, ask: Callable[..., Any]) -> None:
    """Toll-free knows STOP, START and UNSTOP only; a standalone short code leaves all to the application."""
    ask(simulator, "inbound", {"from": ANN, "to": TOLL_FREE, "body": "QUIT"})
    assert accepted(client, from_=TOLL_FREE)
    ask(simulator, "inbound", {"from": ANN, "to": TOLL_FREE, "body": "STOP"})
    ask(simulator, "inbound", {"from": ANN, "to": TOLL_FREE, "body": "YES"})
    assert not accepted(client, from_=TOLL_FREE)
    ask(simulator, "inbound", {"from": ANN, "to": TOLL_FREE, "body": "UNSTOP"})
    assert accepted(client, from_=TOLL_FREE)
    ask(simulator, "inbound", {"from": ANN, "to": SHORT, "body": "STOP"})
    assert accepted(client, from_=SHORT)


def test_a_stop_to_a_service_blocks_the_whole_service(
    simulator: Running, client: Client, ask: Callable[..., Any]
) -> None:
    """Through the service the block shows later, as a failed message with 21610; from its number at once."""
    ask(simulator, "inbound", {"from": ANN, "to": POOLED, "body": "STOP"})
    assert not accepted(client, from_=POOLED)
    assert accepted(client, messaging_service_sid=SERVICE)
    simulator.wait_for("status", status="failed", error_code=21610)
    assert simulator.seen("handset") == []


def test_advanced_opt_out_knows_own_words_and_names_them(
    start: Callable[..., Running], connect: Callable[..., Client], application: Any, ask: Callable[..., Any]
) -> None:
    """With Advanced Opt-Out a service's own words count, and the webhook carries OptOutType."""
    service = {"sid": SERVICE, "senders": [POOLED], "inbound_url": f"{application.url}/in",
               "advanced_opt_out": {"STOP": ["Arret"]}}  # fmt: skip
    simulator = start(services=[service])
    ask(simulator, "inbound", {"from": ANN, "to": POOLED, "body": "ARRET"})
    assert application.wait_for(1)[0]["OptOutType"] == "STOP"
    assert not accepted(connect(simulator), from_=POOLED)


def test_a_phone_answers_the_first_text_once(
    start: Callable[..., Running], connect: Callable[..., Client], application: Any, ask: Callable[..., Any]
) -> None:
    """A phone that replies does so once, after the text arrived, and its second word follows the first."""
    simulator = start(phones={"known": {ANN: {"reply": "Stop please", "then": "START", "reply_delay": 0.01}}})
    client = connect(simulator)
    client.messages.create(to=ANN, from_=SHOP, body="one")
    client.messages.create(to=ANN, from_=SHOP, body="two")
    simulator.wait_for("handset", count=2)
    ask(simulator, "wait")
    assert [heard["body"] for heard in simulator.seen("heard")] == ["Stop please", "START"]
    # Ten milliseconds apart, two webhooks may overtake each other.
    assert {received["Body"] for received in application.received} == {"Stop please", "START"}
    assert len(application.received) == 2


def test_phones_are_the_same_in_every_run() -> None:
    """The seed and the number decide a phone's behaviour, and shares come out as shares."""
    phones = Phones(stop_share=0.1, start_share=0.5, help_share=0.1, undelivered_share=0.1, landline_share=0.05)
    numbers = [f"+1212555{n:04d}" for n in range(4000)]
    first = [PhoneBook(phones, 5).of(number) for number in numbers]
    assert first == [PhoneBook(phones, 5).of(number) for number in numbers]
    assert first != [PhoneBook(phones, 6).of(number) for number in numbers]
    stops = sum(phone.reply in phones.stop_texts for phone in first)
    assert 250 < stops < 430
    assert 300 < sum(phone.outcome == "undelivered" for phone in first) < 500
    assert any(phone.then for phone in first)


def test_a_phone_is_set_while_running(simulator: Running, client: Client, ask: Callable[..., Any]) -> None:
    """POST /_sim/phones changes one number from now on."""
    ask(simulator, "phones", {"number": ANN, "phone": {"outcome": "undelivered", "error_code": 30005}})
    client.messages.create(to=ANN, from_=SHOP, body="x")
    simulator.wait_for("status", status="undelivered", error_code=30005)


def test_texts_can_arrive_in_reverse_and_again(simulator: Running, application: Any, ask: Callable[..., Any]) -> None:
    """Webhooks are posted last first on demand, and the same SID again without being heard anew."""
    texts = [{"from": ANN, "to": SHOP, "body": "STOP"}, {"from": ANN, "to": SHOP, "body": "START"}]
    results = ask(simulator, "inbound", {"messages": texts, "reverse": True})["results"]
    assert [received["Body"] for received in application.received] == ["START", "STOP"]
    again = {"from": ANN, "to": SHOP, "body": "STOP", "sid": results[1]["sid"], "repeat": 2}
    ask(simulator, "inbound", again)
    application.wait_for(4)
    assert len(simulator.seen("provider_reply")) == 2


def test_a_failing_inbound_webhook_is_retried_as_its_fragment_says(
    start: Callable[..., Running], application: Any, ask: Callable[..., Any]
) -> None:
    """Each attempt is logged with the application's status, until one succeeds."""
    simulator = start(numbers=[{"number": SHOP, "inbound_url": f"{application.url}/in#rc=3&rp=5xx"}], services=[])
    application.statuses = [503, 500]
    result = ask(simulator, "inbound", {"from": ANN, "to": SHOP, "body": "STOP"})
    assert result["results"][0]["http"] == 200
    assert [line["http"] for line in simulator.seen("inbound")] == [503, 500, 200]


def test_a_number_without_inbound_url_drops_what_it_hears(
    start: Callable[..., Running], ask: Callable[..., Any]
) -> None:
    """Without a URL the text is filtered, logged and lost."""
    simulator = start(numbers=[{"number": SHOP}], services=[])
    result = ask(simulator, "inbound", {"from": ANN, "to": SHOP, "body": "STOP"})
    assert result["results"][0]["error"] == "no_url"
    assert simulator.seen("provider_reply", word="STOP")


def test_twiml_in_the_answer_is_sent_but_not_to_someone_blocked(
    simulator: Running, application: Any, ask: Callable[..., Any]
) -> None:
    """A TwiML message goes out as outbound-reply and shows in the log; after STOP it fails with 21610."""
    application.body = b"<?xml version='1.0'?><Response><Message>At <b>nine</b></Message></Response>"
    ask(simulator, "inbound", {"from": ANN, "to": SHOP, "body": "What time?"})
    assert simulator.wait_for("handset", to=ANN)[0]["body"] == "At nine"
    ask(simulator, "inbound", {"from": ANN, "to": SHOP, "body": "STOP"})
    simulator.wait_for("status", status="failed", error_code=21610)
    assert len(simulator.seen("twiml_reply")) == 2


@pytest.mark.parametrize("body", ["", "OK", "<Response/>", "<Response>", "<html>"])
def test_answers_without_messages_send_nothing(body: str) -> None:
    """Empty, plain and broken answers ask for no text."""
    assert twiml_messages(body) == []
