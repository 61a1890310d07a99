"""The tables. Numbers and texts are ciphertext, number rows are keyed by HMAC, instants are aware and UTC.

Table models check nothing when built: whoever writes a row has checked its input first.
"""

from sender.models.accounts import LoginLink, LoginThrottle, Passkey, RecoveryCode, Role, SignedIn, User
from sender.models.api import ApiAnswer, ApiKey
from sender.models.archive import ArchivePage
from sender.models.automations import Automation, Enrolment, EnrolmentText, Event
from sender.models.campaigns import Campaign, FrozenMember, Spend, Variant
from sender.models.delivery import Allowance, Bucket, Closure, Comparison, Lease
from sender.models.imports import ImportChunk, ImportEntry, ImportPreset
from sender.models.installation import Audit, Emergency, Installation, Notice, Present
from sender.models.links import Click, ShortLink
from sender.models.messages import Attempt, Decision, Message, Receipt
from sender.models.opt_in import ErasureRequest, OptInForm, OptInFormVersion, Wishes
from sender.models.own_phones import OwnPhone, Trial
from sender.models.people import ConsentEvent, ConsentStanding, Contact, ImportRefusal, ImportRun, Number, Segment
from sender.models.prices import FetchedPrice
from sender.models.programs import FromNumber, Program, Wording
from sender.models.proof import ChainHead, Erasure, LegalHold, RetentionRule
from sender.models.registers import RegisterFile, RegisterNumber
from sender.models.replies import Canary, Conversation, OptInRequest, PreparedAnswer, Reply
from sender.models.templates import SavedTemplate, TemplateVersion
from sender.models.webhooks import Told, WebhookDelivery, WebhookEndpoint, WebhookEvent

__all__ = [
    "Allowance",
    "ApiAnswer",
    "ApiKey",
    "ArchivePage",
    "Attempt",
    "Audit",
    "Automation",
    "Bucket",
    "Campaign",
    "Canary",
    "ChainHead",
    "Click",
    "Closure",
    "Comparison",
    "ConsentEvent",
    "ConsentStanding",
    "Contact",
    "Conversation",
    "Decision",
    "Emergency",
    "Enrolment",
    "EnrolmentText",
    "Erasure",
    "ErasureRequest",
    "Event",
    "FetchedPrice",
    "FromNumber",
    "FrozenMember",
    "ImportChunk",
    "ImportEntry",
    "ImportPreset",
    "ImportRefusal",
    "ImportRun",
    "Installation",
    "Lease",
    "LegalHold",
    "LoginLink",
    "LoginThrottle",
    "Message",
    "Notice",
    "Number",
    "OptInForm",
    "OptInFormVersion",
    "OptInRequest",
    "OwnPhone",
    "Passkey",
    "PreparedAnswer",
    "Present",
    "Program",
    "Receipt",
    "RecoveryCode",
    "RegisterFile",
    "RegisterNumber",
    "Reply",
    "RetentionRule",
    "Role",
    "SavedTemplate",
    "Segment",
    "ShortLink",
    "SignedIn",
    "Spend",
    "TemplateVersion",
    "Told",
    "Trial",
    "User",
    "Variant",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
    "Wishes",
    "Wording",
]
