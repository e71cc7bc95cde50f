"""Names of the sectors in the input–output tables of the US Bureau of Economic Analysis, in the tables' own order."""

from __future__ import annotations

from typing import Any

US_15 = (
    ("Farming", "Agriculture, forestry, fishing, hunting"),
    ("Mining", "Mining"),
    ("Utilities", "Utilities"),
    ("Construction", "Construction"),
    ("Manufacturing", "Manufacturing"),
    ("Wholesale", "Wholesale trade"),
    ("Retail", "Retail trade"),
    ("Transport", "Transportation and warehousing"),
    ("Information", "Information"),
    ("Finance", "Finance, insurance, real estate, rental, leasing"),
    ("Business", "Professional and business services"),
    ("Health, school", "Education, health care, social assistance"),
    ("Leisure", "Arts, recreation, accommodation, food services"),
    ("Other serv.", "Other services"),
    ("Government", "Government"),
)

US_71 = (
    ("farms", "Farms"),
    ("forestry", "Forestry and fishing"),
    ("oil, gas", "Oil and gas extraction"),
    ("mining", "Mining, except oil and gas"),
    ("mine serv.", "Support activities for mining"),
    ("utilities", "Utilities"),
    ("construct.", "Construction"),
    ("wood", "Wood products"),
    ("minerals", "Nonmetallic mineral products"),
    ("metals", "Primary metals"),
    ("metal prod.", "Fabricated metal products"),
    ("machinery", "Machinery"),
    ("computers", "Computer and electronic products"),
    ("electrical", "Electrical equipment and appliances"),
    ("vehicles", "Motor vehicles and parts"),
    ("aircraft", "Other transportation equipment"),
    ("furniture", "Furniture"),
    ("misc. mfg.", "Miscellaneous manufacturing"),
    ("food", "Food, beverage and tobacco products"),
    ("textiles", "Textile mills"),
    ("apparel", "Apparel and leather"),
    ("paper", "Paper products"),
    ("printing", "Printing"),
    ("refining", "Petroleum and coal products"),
    ("chemicals", "Chemical products"),
    ("plastics", "Plastics and rubber products"),
    ("wholesale", "Wholesale trade"),
    ("car shops", "Motor vehicle and parts dealers"),
    ("food shops", "Food and beverage stores"),
    ("dep. stores", "General merchandise stores"),
    ("retail", "Other retail"),
    ("air", "Air transportation"),
    ("rail", "Rail transportation"),
    ("water", "Water transportation"),
    ("trucks", "Truck transportation"),
    ("transit", "Transit and ground passenger transportation"),
    ("pipelines", "Pipeline transportation"),
    ("logistics", "Other transportation and support activities"),
    ("storage", "Warehousing and storage"),
    ("publishing", "Publishing, software included"),
    ("film", "Motion pictures and sound recording"),
    ("telecom", "Broadcasting and telecommunications"),
    ("data", "Data processing and other information services"),
    ("banks", "Banks and credit intermediation"),
    ("securities", "Securities and investments"),
    ("insurance", "Insurance carriers"),
    ("funds", "Funds and trusts"),
    ("housing", "Housing"),
    ("real estate", "Other real estate"),
    ("rental", "Rental and leasing of goods and intangible assets"),
    ("law", "Legal services"),
    ("IT serv.", "Computer systems design"),
    ("prof. serv.", "Other professional, scientific and technical services"),
    ("head offices", "Management of companies"),
    ("admin.", "Administrative and support services"),
    ("waste", "Waste management"),
    ("education", "Educational services"),
    ("ambulatory", "Ambulatory health care"),
    ("hospitals", "Hospitals"),
    ("nursing", "Nursing and residential care"),
    ("social care", "Social assistance"),
    ("arts, sport", "Performing arts, spectator sports, museums"),
    ("recreation", "Amusements, gambling, recreation"),
    ("hotels", "Accommodation"),
    ("restaurants", "Food services and drinking places"),
    ("other serv.", "Other services, except government"),
    ("defence", "Federal government, defence"),
    ("federal", "Federal government, other"),
    ("fed. firms", "Federal government enterprises"),
    ("state, local", "State and local government"),
    ("local firms", "State and local government enterprises"),
)

KNOWN = {"us-15": US_15, "us-71": US_71}


def unit_of(problem: Any) -> str:
    """Return what one firm of the problem is: a ``sector`` of a table, or a ``firm``."""
    return "sector" if _known(problem) else "firm"


def names_of(problem: Any) -> tuple[list[str], list[str]]:
    """Return a short label and a full name for each firm; the firm's number where no name is known."""
    known = _known(problem)
    if not known:
        return [str(j) for j in range(problem.n)], [f"firm {j}" for j in range(problem.n)]
    return [short for short, _ in known], [name for _, name in known]


def _known(problem: Any) -> tuple[tuple[str, str], ...]:
    table = KNOWN.get(problem.name.rpartition("/")[2].removesuffix("-topology"), ())
    return table if len(table) == problem.n else ()
