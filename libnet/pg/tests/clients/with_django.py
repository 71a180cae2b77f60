"""Django makes its own tables and an application's by migrations, changes them, and uses them."""

import datetime
import decimal
import os
import sys
import uuid

MODELS = """
from django.contrib.postgres.fields import ArrayField
from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=100, unique=True)
    bio = models.TextField(blank=True, default="")
    born = models.DateField(null=True)

    class Meta:
        indexes = [models.Index(fields=["-born", "name"])]


class Tag(models.Model):
    slug = models.SlugField(primary_key=True)


class Book(models.Model):
    title = models.CharField(max_length=200, db_index=True)
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")
    tags = models.ManyToManyField(Tag)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    data = models.JSONField(default=dict)
    words = ArrayField(models.CharField(max_length=20), default=list)
    uid = models.UUIDField(null=True)
    place = models.CharField(max_length=40, null=True)
    published = models.DateTimeField(auto_now_add=True)
    length = models.DurationField(null=True)
    raw = models.BinaryField(null=True)
    copies = models.PositiveSmallIntegerField(default=1)
    moment = models.TimeField(null=True)
    good = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(check=models.Q(price__gte=0), name="price_is_one"),
            models.UniqueConstraint(fields=["title", "author"], name="once"),
            models.UniqueConstraint(fields=["title"], condition=models.Q(good=True),
                                    name="good_once"),
        ]
"""

# What the second version of the application has instead.
CHANGES = (
    ('bio = models.TextField(blank=True, default="")',
     "biography = models.CharField(max_length=500, null=True)\n"
     "    extra = models.IntegerField(default=7, db_index=True)"),
    ("max_digits=8", "max_digits=10"),
    ("copies = models.PositiveSmallIntegerField(default=1)",
     "copies = models.BigIntegerField(default=2)"),
    ("    place = models.CharField(max_length=40, null=True)\n", ""),
    ('name="once"', 'name="only_once"'),
)


def make_application(place):
    os.makedirs(os.path.join(place, "shelf"), exist_ok=True)
    open(os.path.join(place, "shelf", "__init__.py"), "w").close()
    with open(os.path.join(place, "shelf", "models.py"), "w") as file:
        file.write(MODELS)
    sys.path.insert(0, place)


def change_application(place):
    path = os.path.join(place, "shelf", "models.py")
    text = open(path).read()
    for old, new in CHANGES:
        assert old in text, old
        text = text.replace(old, new)
    with open(path, "w") as file:
        file.write(text)


def set_up():
    import django
    from django.conf import settings
    contrib = ["admin", "auth", "contenttypes", "sessions", "messages", "postgres"]
    settings.configure(
        SECRET_KEY="x", USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[f"django.contrib.{name}" for name in contrib] + ["shelf"],
        DATABASES={"default": {
            "ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"],
            "USER": os.environ["PGUSER"], "PASSWORD": os.environ["PGPASSWORD"],
            "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"]}})
    django.setup()


def migrate():
    from django.core.management import call_command
    call_command("makemigrations", "shelf", "--noinput", verbosity=0)
    call_command("migrate", verbosity=0, skip_checks=True)


def fill():
    from django.contrib.auth.models import Permission, User
    from shelf.models import Author, Book, Tag
    assert User.objects.create_superuser("root", "r@example.org", "pw").has_perm("shelf.add_book")
    assert Permission.objects.count() > 30
    ann = Author.objects.create(name="Ann", born=datetime.date(1970, 1, 2))
    bob = Author.objects.create(name="Bob")
    tag = Tag.objects.create(slug="x")
    for i in range(20):
        book = Book.objects.create(
            title=f"T{i}", author=ann if i % 3 else bob, price=decimal.Decimal(i),
            data={"k": i, "l": [1, 2]}, words=["w", str(i)], uid=uuid.uuid4(), raw=b"\0x",
            length=datetime.timedelta(hours=i), moment=datetime.time(1, i))
        if i % 2:
            book.tags.add(tag)


def ask():
    from django.contrib.postgres.aggregates import StringAgg
    from django.db.models import Avg, Count, Exists, F, OuterRef, Sum, Value, Window
    from django.db.models.functions import Coalesce, Concat, ExtractYear, Length, Rank, TruncMonth
    from shelf.models import Author, Book, Tag
    books = Book.objects
    sums = Author.objects.annotate(n=Count("books"), s=Sum("books__price"), a=Avg("books__price"))
    assert list(sums.order_by("name").values_list("name", "n", "s", "a")) == [
        ("Ann", 13, 127, decimal.Decimal("9.7692307692307692")), ("Bob", 7, 63, 9)]
    assert books.filter(data__k__gt=15).count() == 4
    assert books.filter(words__contains=["3"]).count() == 1
    assert books.filter(data__l__contains=[1], data__has_key="k").count() == 20
    year = datetime.datetime.utcnow().year
    months = books.annotate(m=TruncMonth("published"), y=ExtractYear("published"))
    assert list(months.values("y").annotate(c=Count("id")).values_list("c")) == [(20,)]
    assert books.filter(published__year=year).count() == 20
    assert len(books.dates("published", "year")) == 1
    rank = Window(Rank(), partition_by=[F("author")], order_by=F("price").desc())
    ranked = books.annotate(r=rank)
    assert list(ranked.filter(price__lt=3).order_by("title").values_list("title", "r")) == [
        ("T0", 1), ("T1", 2), ("T2", 1)]
    tagged = Exists(Tag.objects.filter(book=OuterRef("pk")))
    assert books.filter(tagged).count() == 10 == books.filter(tags__slug="x").distinct().count()
    assert books.filter(title__icontains="t1").count() == 11
    assert books.filter(title__regex=r"^T\d$").count() == 10
    assert books.filter(title__iregex=r"^t\d$").count() == 10
    shown = books.annotate(l=Length("title"), c=Concat("title", Value("-"), "author__name"),
                           p=Coalesce("place", Value("none")))
    assert shown.order_by("id").values_list("l", "c", "p")[0] == (2, "T0-Bob", "none")
    assert books.filter(price=1).union(books.filter(price=2)).count() == 2
    titles = Author.objects.annotate(s=StringAgg("books__title", ",", ordering="books__title"))
    assert titles.order_by("name").values_list("s")[1] == ("T0,T12,T15,T18,T3,T6,T9",)
    assert books.order_by(F("place").asc(nulls_last=True), "id").explain()


def change():
    from django.db import IntegrityError, transaction
    from django.db.models import F
    from shelf.models import Author, Book
    ann = Author.objects.get(name="Ann")
    with transaction.atomic():
        few = Book.objects.filter(price__lt=3)
        assert few.select_for_update().count() == 3
        alone = few.select_for_update(of=("self",), skip_locked=True)
        assert len(alone.select_related("author")) == 3
    for wrong in (lambda: Book.objects.create(title="bad", author=ann, price=-1),
                  lambda: Author.objects.create(name="Ann")):
        try:
            with transaction.atomic():
                wrong()
            raise SystemExit("it was let through")
        except IntegrityError as error:
            assert "violates" in str(error), error
    assert Book.objects.filter(price__lt=2).update(price=F("price") + 1) == 2
    made = Book.objects.bulk_create([Book(title=f"B{i}", author=ann, price=1) for i in range(3)],
                                    ignore_conflicts=True)
    assert len(made) == 3
    Book.objects.bulk_update([Book(id=b.id, price=9) for b in Book.objects.all()[:3]], ["price"])
    ann.delete()
    assert Book.objects.count() == 7


def second_version():
    import io
    from django.core.management import call_command
    tables = io.StringIO()
    call_command("inspectdb", "shelf_book", "shelf_author", stdout=tables)
    text = tables.getvalue()
    assert "biography = models.CharField(max_length=500" in text and "place = " not in text, text
    assert "author = models.ForeignKey" in text and "max_digits=10" in text, text
    call_command("migrate", "shelf", "zero", verbosity=0, skip_checks=True)
    call_command("migrate", verbosity=0, skip_checks=True)
    call_command("flush", "--noinput", verbosity=0)


place = os.environ["TMP_DIR"]
if sys.argv[1:] == ["second"]:
    sys.path.insert(0, place)
    change_application(place)
    set_up()
    migrate()
    second_version()
else:
    make_application(place)
    set_up()
    migrate()
    fill()
    ask()
    change()
    import subprocess  # the second version of a module needs a process of its own
    subprocess.run([sys.executable, __file__, "second"], check=True)
    import django
    print("Django", django.get_version(), "ok")
