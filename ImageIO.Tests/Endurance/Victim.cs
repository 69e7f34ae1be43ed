namespace ImageIO.Tests.Endurance;

/// <summary>Processes that are killed during transfers.</summary>
internal enum Victim
{
    Daemon,
    Proxy,
    Client,
    NbdServer,
}
