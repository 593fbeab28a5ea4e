"""What the register knows of simulated elders for an emergency: a pure function of who they are and where they live."""

import random
from dataclasses import dataclass
from typing import Final

from device_sim.names import Gender, younger_name
from device_sim.population import Elder, Household

_SEED: Final = "anban-care-notes"
_MEDICINES: Final[dict[str, tuple[str, ...]]] = {
    "hypertension": ("硝苯地平控释片 30mg 每日一次", "缬沙坦 80mg 每日一次", "氨氯地平 5mg 每日一次"),
    "diabetes": ("二甲双胍 0.5g 每日两次", "阿卡波糖 50mg 每日三次", "甘精胰岛素 12 单位 睡前"),
    "copd": ("噻托溴铵吸入 每日一次", "沙丁胺醇 按需吸入"),
    "coronary_heart_disease": ("阿司匹林 100mg 每日一次", "硝酸甘油 随身 按需"),
    "heart_failure": ("呋塞米 20mg 每日一次", "美托洛尔缓释片 47.5mg 每日一次"),
    "atrial_fibrillation": ("华法林 2.5mg 每日一次", "利伐沙班 15mg 每日一次"),
    "stroke": ("氯吡格雷 75mg 每日一次",),
    "dementia": ("多奈哌齐 5mg 睡前",),
    "parkinson": ("多巴丝肼 125mg 每日三次",),
    "osteoporosis": ("碳酸钙 D3 每日一次",),
}
_ALLERGIES: Final = ("青霉素", "磺胺类", "头孢类", "碘造影剂", "海鲜")
_DOORS: Final = (
    "一楼单元门按 0 后拨房号",
    "密码锁，密码在社区值班室",
    "门铃坏了，请敲门，老人听力不好要等一会",
    "电梯只到 6 楼，再走一层",
    "从后门进，前门常锁",
)


@dataclass(frozen=True)
class Entry:
    """How to get into a home; a field is empty where nobody wrote it down."""

    phone: str | None
    door_note: str | None
    key_holder: str | None
    key_holder_phone: str | None


def medicines_of(elder: Elder) -> list[str]:
    """One medicine for most of an elder's conditions: not everything is on file."""
    rng = random.Random(f"{_SEED}:medicines:{elder.number}")
    return [
        rng.choice(_MEDICINES[condition])
        for condition in elder.conditions
        if condition in _MEDICINES and rng.random() < 0.85
    ]


def allergies_of(elder: Elder) -> list[str]:
    """An allergy of one elder in ten."""
    rng = random.Random(f"{_SEED}:allergies:{elder.number}")
    return [rng.choice(_ALLERGIES)] if rng.random() < 0.1 else []


def entry_of(household: Household) -> Entry:
    """Numbers start with 10, as no telephone number in the district does."""
    rng = random.Random(f"{_SEED}:entry:{household.number}")
    has_key = rng.random() < 0.6
    gender: Gender = "female" if rng.random() < 0.6 else "male"
    return Entry(
        phone=f"102{household.number:08d}" if rng.random() < 0.5 else None,
        door_note=rng.choice(_DOORS) if rng.random() < 0.5 else None,
        key_holder=younger_name(rng, gender, None) if has_key else None,
        key_holder_phone=f"103{household.number:08d}" if has_key else None,
    )
