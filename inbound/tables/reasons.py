"""Why a cell is not certain, in Russian. Pure.

Reasons of excluded rows are stored in English, which is the key of the Russian. A test requires
each reason for which cells and numbers are refused.
"""

from collections.abc import Mapping
from typing import Final

RUSSIAN: Final[Mapping[str, str]] = {
    "is empty": "не заполнено",
    "is a formula: write the value itself": "формула: нужно само значение",
    "is an error of the spreadsheet, not a value": "ошибка таблицы, а не значение",
    "is a truth value, which a spreadsheet may have made of other text": "логическое значение: таблица могла сделать его из другого текста",
    "is in scientific notation, so it may have been other text": "записано с экспонентой: прежде мог быть другой текст",
    "is in scientific notation, so digits are missing": "записано с экспонентой: часть цифр потеряна",
    "is in scientific notation": "записано с экспонентой",
    "has a decimal point, which a spreadsheet may have added": "есть десятичная точка: её могла добавить таблица",
    "has a decimal point, so it is not the number that was meant": "есть десятичная точка: это не тот номер, что имелся в виду",
    "is a percentage, which a spreadsheet may have made of other text": "процент: таблица могла сделать его из другого текста",
    "is a fraction or a date, which a spreadsheet may have made of other text": "дробь или дата: таблица могла сделать её из другого текста",
    "has more than 15 digits and ends in zeros, as if digits were lost": "больше 15 цифр и нули в конце: похоже, часть цифр потеряна",
    "looks like a date, which a spreadsheet may have made of other text": "похоже на дату: таблица могла сделать её из другого текста",
    "has lost its letters: the file was saved in an encoding without them": "буквы потеряны: файл сохранён в кодировке, где их нет",
    "is a number and not text, so zeros at its start may be missing": "число, а не текст: нули в начале могли пропасть",
    "is a number with a fraction, a minus or more than 15 digits": "число с дробью, минусом или больше чем из 15 цифр",
    "is a number too large or too small to be shown exactly": "число слишком большое или слишком малое, точно его не показать",
    "is a date or time and not text": "дата или время, а не текст",
    "is a duration, not a date or a time; make it text": "длительность, а не дата и не время; сделайте её текстом",
    "is TRUE or FALSE and not text": "ИСТИНА или ЛОЖЬ, а не текст",
    "has letters that depend on the file's encoding, which is a guess": "буквы зависят от кодировки файла, а она лишь предположение",
    "begins with a minus": "начинается с минуса",
    "begins with an apostrophe, which may only mark it as text": "начинается с апострофа, который может лишь помечать текст",
    "begins with a sign that makes it a formula or a number in a spreadsheet": "начинается со знака, который в таблице делает из этого формулу или число",
    "ends in zeros, as if digits were lost; if it is right, write it with +": "нули в конце: похоже, цифры потеряны; если всё верно, напишите с +",
    "empty": "пусто",
    "holds something other than digits and a leading +": "есть не только цифры и + в начале",
    "has a dot that may be a decimal point": "есть точка, возможно десятичная",
    "no such country code, or too short or too long": "нет такого кода страны, или слишком коротко либо длинно",
    "a landline, not a mobile number": "городской номер, а не мобильный",
    "not a mobile number but one for services or calls": "не мобильный номер, а служебный",
    "not a valid mobile number": "такого мобильного номера не бывает",
    "a foreign number needs a leading +": "иностранный номер пишется с + в начале",
    "without a leading + it takes 11 digits that begin with 7 or 8": "без + в начале нужно 11 цифр, первая 7 или 8",
}


def in_russian(english: str) -> str | None:
    """Return a reason in Russian; None if it has none, such as one that quotes an error."""
    return RUSSIAN.get(english)
