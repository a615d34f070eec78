using Proto = Csi.V1;

namespace CsiLocal.Cli.Bench;

/// <summary>The step after which measuring ends.</summary>
internal enum BenchStep
{
    Create,
    Stage,
    Publish,
    Delete,
}

/// <summary>What to drive, and how hard.</summary>
internal sealed record BenchPlan
{
    public required int Volumes { get; init; }

    public required int Parallel { get; init; }

    public required long SizeBytes { get; init; }

    public required Proto.VolumeCapability Capability { get; init; }

    public required IReadOnlyDictionary<string, string> Parameters { get; init; }

    public required BenchStep Until { get; init; }

    /// <summary>Rounds of reading calls to measure once the volumes are up.</summary>
    public required int Reads { get; init; }

    /// <summary>Rounds of unpublishing and publishing each volume to measure once the volumes are up.</summary>
    public required int Republish { get; init; }

    /// <summary>Leave the volumes as they are at the end.</summary>
    public required bool Keep { get; init; }

    /// <summary>Folder in which each volume gets a staging folder.</summary>
    public required string StagingRoot { get; init; }

    /// <summary>Folder in which each volume gets a target path.</summary>
    public required string TargetRoot { get; init; }

    /// <summary>Start of all volume names: no two runs meet.</summary>
    public required string NamePrefix { get; init; }
}

/// <summary>What the endpoint under test said of itself: calls that it does not offer are not made.</summary>
internal sealed record BenchTarget
{
    public required string Driver { get; init; }

    public required string Version { get; init; }

    public required string NodeId { get; init; }

    public Proto.Topology? Topology { get; init; }

    public required bool ControllerPublish { get; init; }

    public required bool Stage { get; init; }

    public required bool Stats { get; init; }

    public required bool List { get; init; }

    public required bool Capacity { get; init; }

    public required bool GetVolume { get; init; }
}

/// <summary>One volume's way through the run, so that whatever was done can be undone.</summary>
internal sealed class BenchVolume(string name, string stagingPath, string targetPath)
{
    public string Name { get; } = name;

    public string StagingPath { get; } = stagingPath;

    public string TargetPath { get; } = targetPath;

    /// <summary>Null until CreateVolume has answered.</summary>
    public Proto.Volume? Created { get; set; }

    public IDictionary<string, string> PublishContext { get; set; } = new Dictionary<string, string>();

    // "Attempted", not "succeeded": a call that failed may have done half of its work.
    public bool ControllerPublishAttempted { get; set; }

    public bool StageAttempted { get; set; }

    public bool PublishAttempted { get; set; }

    public bool CreateAttempted { get; set; }

    public bool Published { get; set; }
}
