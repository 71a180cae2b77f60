"""SQLAlchemy makes a schema from classes, uses it, and finds it again by asking the catalog."""

import datetime
import decimal
import enum
import os
import uuid

import sqlalchemy as sa
from sqlalchemy import Column, orm
from sqlalchemy.dialects import postgresql as pg

Base = orm.declarative_base()


class Color(enum.Enum):
    red = 1
    green = 2


class Person(Base):
    __tablename__ = "people"
    id = Column(sa.Integer, primary_key=True)
    name = Column(sa.String(50), nullable=False, unique=True)
    email = Column(sa.String, index=True)
    created = Column(sa.DateTime(timezone=True), server_default=sa.func.now())
    data = Column(pg.JSONB)
    tags = Column(pg.ARRAY(sa.String))
    uid = Column(pg.UUID(as_uuid=True), default=uuid.uuid4)
    balance = Column(sa.Numeric(10, 2), sa.CheckConstraint("balance >= 0", name="solvent"),
                     default=0)
    color = Column(sa.Enum(Color))
    active = Column(sa.Boolean, default=True)
    posts = orm.relationship("Post", back_populates="person", cascade="all, delete-orphan")
    __table_args__ = ({"comment": "who writes"},)


class Post(Base):
    __tablename__ = "posts"
    id = Column(sa.BigInteger, sa.Identity(), primary_key=True)
    person_id = Column(sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False)
    title = Column(sa.Text, comment="what it says")
    day = Column(sa.Date)
    moment = Column(sa.Time)
    weight = Column(sa.Float)
    raw = Column(sa.LargeBinary)
    length = Column(sa.Interval)
    person = orm.relationship("Person", back_populates="posts")
    __table_args__ = (sa.UniqueConstraint("person_id", "title", name="posts_once"),
                      sa.Index("posts_lower", sa.func.lower(title)),
                      sa.Index("posts_heavy", "day", postgresql_where=sa.text("weight > 0")))


def use(session):
    ann = Person(name="ann", email="a@example.org", data={"k": [1, 2]}, tags=["a", "b"],
                 balance=decimal.Decimal("12.50"), color=Color.red)
    day = datetime.timedelta(days=1, hours=2)
    ann.posts = [Post(title="hi", day=datetime.date(2024, 2, 29), moment=datetime.time(1, 2, 3),
                      weight=1.5, raw=b"\x00\xff", length=day), Post(title="yo")]
    session.add_all([ann, Person(name="bob")])
    session.commit()

    wanted = sa.select(Person).where(Person.data["k"][0].astext == "1")
    found = session.execute(wanted).scalars().all()
    assert [p.name for p in found] == ["ann"]
    post = found[0].posts[0]
    assert post.raw == b"\x00\xff" and post.length == day and found[0].color is Color.red
    assert found[0].created.tzinfo is not None and isinstance(found[0].uid, uuid.UUID)

    counts = sa.select(Person.name, sa.func.count(Post.id)).outerjoin(Post).group_by(Person.name)
    assert session.execute(counts.order_by(Person.name)).all() == [("ann", 2), ("bob", 0)]
    upsert = pg.insert(Person).values(name="ann", email="z").on_conflict_do_update(
        index_elements=["name"], set_={"email": "z"}).returning(Person.id)
    assert session.execute(upsert).all() == [(ann.id,)]
    session.execute(sa.update(Person).where(Person.tags.any("a")).values(active=False)
                    .execution_options(synchronize_session=False))
    session.commit()
    assert len(session.execute(sa.select(Person).with_for_update(skip_locked=True)).all()) == 2
    with session.begin_nested():
        session.add(Person(name="carl"))
    session.commit()
    session.delete(session.get(Person, ann.id))
    session.commit()
    assert session.execute(sa.select(sa.func.count()).select_from(Post)).scalar() == 0


def look(engine):
    seen = sa.inspect(engine)
    assert sorted(seen.get_table_names()) == ["people", "posts"]
    key = seen.get_pk_constraint("people")
    assert key == {"constrained_columns": ["id"], "name": "people_pkey"}
    key, = seen.get_foreign_keys("posts")
    assert key["referred_table"] == "people" and key["options"] == {"ondelete": "CASCADE"}
    assert {u["name"] for u in seen.get_unique_constraints("posts")} == {"posts_once"}
    assert [c["name"] for c in seen.get_check_constraints("people")] == ["solvent"]
    indexes = {i["name"]: i for i in seen.get_indexes("posts")}
    assert indexes["posts_heavy"]["column_names"] == ["day"]
    assert "weight" in indexes["posts_heavy"]["dialect_options"]["postgresql_where"]
    columns = {c["name"]: c for c in seen.get_columns("posts")}
    assert columns["title"]["comment"] == "what it says" and columns["id"]["identity"]["start"] == 1
    types = {c["name"]: str(c["type"]) for c in seen.get_columns("people")}
    assert types["balance"] == "NUMERIC(10, 2)" and types["name"] == "VARCHAR(50)", types
    assert seen.get_table_comment("people") == {"text": "who writes"}
    enums = [(e["name"], e["labels"]) for e in seen.get_enums()]
    assert enums == [("color", ["red", "green"])], enums
    assert seen.has_table("people") and not seen.has_table("nobody")


where = os.environ
url = sa.engine.URL.create("postgresql", where["PGUSER"], where["PGPASSWORD"], where["PGHOST"],
                           int(where["PGPORT"]), where["PGDATABASE"])
engine = sa.create_engine(url)
Base.metadata.create_all(engine)
Base.metadata.create_all(engine)  # which finds that all is there
with orm.Session(engine) as session:
    use(session)
look(engine)
reflected = sa.MetaData()
reflected.reflect(bind=engine)
assert sorted(reflected.tables) == ["people", "posts"]
reflected.drop_all(engine)
Base.metadata.create_all(engine)
Base.metadata.drop_all(engine)
print("SQLAlchemy", sa.__version__, "ok")
