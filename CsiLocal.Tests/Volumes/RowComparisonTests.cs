using CsiLocal.Backends;
using CsiLocal.State;
using CsiLocal.Tests.State;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Volumes;

public sealed class RowComparisonTests
{
    private static readonly VolumeRecord Row = Samples.Volume("pvc-1") with { Format = FormatState.Formatted, FormattedAt = Samples.Time };

    [Fact]
    public void What_agrees_needs_no_decision() => Assert.Null(Decide(Row, Row));

    [Fact]
    public void Without_a_row_it_is_known_again_in_the_pool_where_it_lies()
    {
        var decision = Decide(null, Row with { Pool = "as it was called once" });

        Assert.Equal(("is known again", "scratch", true), (decision!.What, decision.Volume!.Pool, decision.IsNew));
    }

    [Fact]
    public void A_format_goes_one_way_only()
    {
        var never = Row with { Format = FormatState.Never, FormattedAt = null };

        Assert.Equal(FormatState.Formatted, Decide(never, Row)!.Volume!.Format);
        Assert.Equal(FormatState.Formatted, Decide(never with { Format = FormatState.Formatting }, Row)!.Volume!.Format);
        Assert.Null(Decide(Row, never)); // Tags are written late; the row knows more.
        Assert.Null(Decide(never with { Format = FormatState.Formatting }, never)); // An mkfs of ours was under way.
    }

    [Fact]
    public void The_greater_size_is_the_right_one_where_nothing_shrinks()
    {
        Assert.Equal(2 * Row.SizeBytes, Decide(Row, Row with { SizeBytes = 2 * Row.SizeBytes })!.Volume!.SizeBytes);
        Assert.Null(Decide(Row, Row with { SizeBytes = Row.SizeBytes / 2 }));
        Assert.Equal(Row.SizeBytes / 2, Decide(Row, Row with { SizeBytes = Row.SizeBytes / 2 }, canShrink: true)!.Volume!.SizeBytes);
    }

    [Fact]
    public void An_expansion_is_an_intent_until_the_size_is_another_than_before_and_after_it()
    {
        var pending = Row with { PendingSizeBytes = 2 * Row.SizeBytes };

        Assert.Null(Decide(pending, Row));
        Assert.Equal(pending.PendingSizeBytes, Decide(pending, Row with { SizeBytes = 2 * Row.SizeBytes })!.Volume!.PendingSizeBytes);
        Assert.Null(Decide(pending, Row with { SizeBytes = 3 * Row.SizeBytes })!.Volume!.PendingSizeBytes);
    }

    [Fact]
    public void Made_later_it_is_another_one_and_takes_the_rows_place()
    {
        var later = Row with { CreatedAt = Row.CreatedAt.AddTicks(1), SizeBytes = 1 << 20 };

        Assert.Equal(later, Decide(Row, later)!.Volume);
        Assert.Equal(later, Decide(Row with { State = VolumeState.Deleting }, later)!.Volume);
    }

    [Fact]
    public void Made_earlier_than_its_row_it_is_told_and_nothing_is_changed()
    {
        var decision = Decide(Row, Row with { CreatedAt = Row.CreatedAt.AddTicks(-1) });

        Assert.Equal(("is older than its row", false), (decision!.What, decision.IsMendable));
        Assert.Null(decision.Volume);
    }

    [Fact]
    public void An_intent_of_this_state_is_left_to_recovery()
    {
        var never = Row with { Format = FormatState.Never, FormattedAt = null };

        Assert.Null(Decide(never with { State = VolumeState.Creating }, never with { State = VolumeState.Creating }));
        Assert.Null(Decide(never with { State = VolumeState.Creating }, never));
        Assert.Null(Decide(Row with { State = VolumeState.Deleting }, Row));
    }

    [Theory]
    [InlineData("formatted")]
    [InlineData("grown")]
    [InlineData("filled")]
    public void What_was_being_made_and_went_on_since_is_ready_and_is_not_made_again(string since)
    {
        var row = Row with { State = VolumeState.Creating, Format = FormatState.Never, FormattedAt = null };
        var found = since switch
        {
            "formatted" => Row,
            "grown" => row with { State = VolumeState.Ready, SizeBytes = 2 * row.SizeBytes },
            _ => row with { State = VolumeState.Ready, Source = new ContentSource.FromVolume(VolumeId.Mint("other")) },
        };

        Assert.Equal(found, Decide(row, found)!.Volume);
    }

    [Fact]
    public void A_deletion_that_was_begun_goes_on()
    {
        Assert.Equal(VolumeState.Deleting, Decide(Row, Row with { State = VolumeState.Deleting })!.Volume!.State);
        var snapshot = Samples.Snapshot("s");
        var decision = Assert.Single(Compare([], [snapshot], new FoundObject { EntryName = "s", HasData = true, Snapshot = snapshot with { State = SnapshotState.Deleting } }));
        Assert.Equal(SnapshotState.Deleting, decision.Snapshot!.State);
    }

    [Fact]
    public void An_id_in_two_pools_is_told() => Assert.Equal("is in two pools", Decide(Row with { Pool = "other" }, Row)!.What);

    [Fact]
    public void A_row_without_an_object_is_told_and_kept()
    {
        var decisions = Compare([Row, Samples.Volume("elsewhere", "other"), Samples.Volume("new") with { State = VolumeState.Creating }], [Samples.Snapshot("s")]);

        Assert.Equal([Row.Id.Value, SnapshotId.Mint("s").Value], decisions.Select(static decision => decision.Target));
        Assert.All(decisions, static decision => Assert.Equal((RowComparison.NoData, false), (decision.What, decision.IsMendable)));
    }

    [Fact]
    public void A_row_whose_volume_lies_in_the_trash_goes_unless_that_is_another_one_of_the_name()
    {
        var item = new TrashRecord { Id = TrashId.Of(Row), Volume = Row, DeletedAt = Samples.Time, Deadline = Samples.Time, Erase = EraseMode.Discard };

        var decision = Assert.Single(Compare([Row], [], new FoundObject { EntryName = "t", HasData = true, Trash = item }));
        Assert.Equal(("is in the trash", true, true), (decision.What, decision.IsGone, decision.IsMendable));

        var later = Row with { CreatedAt = Row.CreatedAt.AddTicks(1) };
        Assert.Equal(RowComparison.NoData, Assert.Single(Compare([later], [], new FoundObject { EntryName = "t", HasData = true, Trash = item })).What);
    }

    [Fact]
    public void What_cannot_be_read_is_told_by_its_own_name()
    {
        var decision = Assert.Single(Compare([], [], new FoundObject { EntryName = "stranger.img", HasData = true, Problem = "not an entry of this driver" }));

        Assert.Equal(("stranger.img", "is not understood", false), (decision.Target, decision.What, decision.IsMendable));
    }

    [Fact]
    public void A_pool_is_this_nodes_by_its_marker_or_by_the_name_under_which_this_state_served_it()
    {
        var known = new PoolRow("scratch", BackendKind.Image, "/srv", "identity", "former");
        var claim = new PoolClaim("here", known);

        Assert.True(claim.Allows(new PoolOwner("identity", null)));
        Assert.True(claim.Allows(new PoolOwner("identity", "here")));
        Assert.True(claim.Allows(new PoolOwner("identity", "former")));
        Assert.False(claim.Allows(new PoolOwner("identity", "there")));
        Assert.False(claim.Allows(new PoolOwner("another", "former")));
        Assert.False(new PoolClaim("here", null).Allows(new PoolOwner("identity", "former")));
        Assert.False(new PoolClaim("here", known with { Node = null }).Allows(new PoolOwner("identity", "there")));
    }

    private static RowDecision? Decide(VolumeRecord? row, VolumeRecord found, bool canShrink = false) =>
        Comparison(row is null ? [] : [row], [], canShrink).Decide(found);

    private static IReadOnlyList<RowDecision> Compare(VolumeRecord[] volumes, SnapshotRecord[] snapshots, params FoundObject[] found) =>
        Comparison(volumes, snapshots, canShrink: false).Decide(found);

    private static RowComparison Comparison(VolumeRecord[] volumes, SnapshotRecord[] snapshots, bool canShrink) => new(
        "scratch", canShrink, volumes.ToDictionary(static row => row.Id), snapshots.ToDictionary(static row => row.Id));
}
