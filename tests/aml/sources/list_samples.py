# ruff: noqa: E501, UP012
"""Small invented lists in the true formats of their publishers: nobody in them exists."""

from __future__ import annotations

OFAC_MAIN = (
    b'9001,"BLUE HERON TRADING LLC",-0- ,"CUBA] [SDGT",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n'
    b'9002,"QUILLBERRY, Tomas Aurelio","individual","SDNTK","Treasurer",-0- ,-0- ,-0- ,-0- ,-0- ,'
    b'-0- ,"DOB 05 Mar 1962; alt. DOB circa 1960-1962; POB Havana, Cuba; nationality Cuba; '
    b"citizen Korea, North; Gender Male; Passport X1234567 (Cuba); alt. Digital Currency Address - "
    b"XBT 1BoatSLRHtKNngkdXEeobR76b53LETtpyT; a.k.a. 'QUILL'.\"\r\n"
    b'9003,"HERON STAR","vessel","IRAN",-0- ,"5ABC2","Tanker",-0- ,-0- ,"Panama",-0- ,'
    b'"Vessel Registration Identification IMO 9074729."\r\n\x1a'
)
OFAC_ALIASES = (
    b'9001,1,"aka","BLUHERON",-0- \r\n9002,2,"fka","QUILBERRY, Tom",-0- \r\n'
    b'9002,3,"aka","KVILBERI, Tomas",-0- \r\n\x1a'
)
OFAC_ADDRESSES = (
    b'9001,1,"1 Invented Way","Panama City","Panama",-0- \r\n9003,2,-0- ,-0- ,"Iran",-0- \r\n\x1a'
)

OFAC_XML = b"""<?xml version="1.0" standalone="yes"?>
<sdnList xmlns="http://tempuri.org/sdnList.xsd">
  <publshInformation><Publish_Date>10/03/2026</Publish_Date><Record_Count>2</Record_Count>
  </publshInformation>
  <sdnEntry><uid>9001</uid><lastName>BLUE HERON TRADING LLC</lastName><sdnType>Entity</sdnType>
    <programList><program>CUBA</program><program>SDGT</program></programList>
    <akaList><aka><uid>1</uid><type>a.k.a.</type><category>weak</category>
      <lastName>BLUHERON</lastName></aka></akaList></sdnEntry>
  <sdnEntry><uid>9002</uid><firstName>Tomas Aurelio</firstName><lastName>QUILLBERRY</lastName>
    <sdnType>Individual</sdnType><programList><program>SDNTK</program></programList>
    <idList><id><uid>7</uid><idType>Gender</idType><idNumber>Male</idNumber></id>
      <id><uid>8</uid><idType>Passport</idType><idNumber>X1234567</idNumber></id></idList>
    <nationalityList><nationality><uid>1</uid><country>Cuba</country></nationality></nationalityList>
    <dateOfBirthList><dateOfBirthItem><uid>1</uid><dateOfBirth>05 Mar 1962</dateOfBirth>
    </dateOfBirthItem></dateOfBirthList></sdnEntry>
</sdnList>
"""

OFAC_ADVANCED = b"""<?xml version="1.0" encoding="utf-8"?>
<Sanctions xmlns="http://www.un.org/sanctions/1.0" Version="1">
  <DateOfIssue CalendarTypeID="1"><Year>2026</Year><Month>10</Month><Day>3</Day></DateOfIssue>
  <ReferenceValueSets>
    <AliasTypeValues><AliasType ID="1403">Name</AliasType></AliasTypeValues>
    <CountryValues><Country ID="11082" ISO2="CU">Cuba</Country></CountryValues>
    <DetailReferenceValues><DetailReference ID="91526">Male</DetailReference></DetailReferenceValues>
    <FeatureTypeValues><FeatureType ID="8">Birthdate</FeatureType>
      <FeatureType ID="10">Nationality Country</FeatureType>
      <FeatureType ID="224">Gender</FeatureType>
      <FeatureType ID="344">Digital Currency Address - XBT</FeatureType></FeatureTypeValues>
    <IDRegDocTypeValues><IDRegDocType ID="1571">Passport</IDRegDocType></IDRegDocTypeValues>
    <NamePartTypeValues><NamePartType ID="1520">Last Name</NamePartType>
      <NamePartType ID="1521">First Name</NamePartType>
      <NamePartType ID="1525">Entity Name</NamePartType></NamePartTypeValues>
    <PartySubTypeValues><PartySubType ID="3" PartyTypeID="2">Unknown</PartySubType>
      <PartySubType ID="4" PartyTypeID="1">Unknown</PartySubType></PartySubTypeValues>
    <PartyTypeValues><PartyType ID="1">Individual</PartyType><PartyType ID="2">Entity</PartyType>
    </PartyTypeValues>
    <SanctionsTypeValues><SanctionsType ID="1">Program</SanctionsType></SanctionsTypeValues>
    <ScriptValues><Script ID="215">Latin</Script><Script ID="220">Cyrillic</Script></ScriptValues>
  </ReferenceValueSets>
  <Locations><Location ID="25"><LocationCountry CountryID="11082"/></Location></Locations>
  <IDRegDocuments><IDRegDocument ID="1" IDRegDocTypeID="1571" IdentityID="77">
    <IDRegistrationNo>X1234567</IDRegistrationNo></IDRegDocument></IDRegDocuments>
  <DistinctParties>
    <DistinctParty FixedRef="9002"><Profile ID="9002" PartySubTypeID="4">
      <Identity ID="77" FixedRef="9002" Primary="true" False="false">
        <Alias FixedRef="9002" AliasTypeID="1403" Primary="true" LowQuality="false">
          <DocumentedName ID="1">
            <DocumentedNamePart><NamePartValue NamePartGroupID="1" ScriptID="215">QUILLBERRY</NamePartValue></DocumentedNamePart>
            <DocumentedNamePart><NamePartValue NamePartGroupID="2" ScriptID="215">Tomas Aurelio</NamePartValue></DocumentedNamePart>
          </DocumentedName>
          <DocumentedName ID="2">
            <DocumentedNamePart><NamePartValue NamePartGroupID="1" ScriptID="220">\xd0\x9a\xd0\xb2\xd0\xb8\xd0\xbb\xd0\xb1\xd0\xb5\xd1\x80\xd0\xb8</NamePartValue></DocumentedNamePart>
          </DocumentedName></Alias>
        <Alias FixedRef="9002" AliasTypeID="1403" Primary="false" LowQuality="true">
          <DocumentedName ID="3">
            <DocumentedNamePart><NamePartValue NamePartGroupID="1" ScriptID="215">QUILL</NamePartValue></DocumentedNamePart>
          </DocumentedName></Alias>
        <NamePartGroups><MasterNamePartGroup><NamePartGroup ID="1" NamePartTypeID="1520"/></MasterNamePartGroup>
          <MasterNamePartGroup><NamePartGroup ID="2" NamePartTypeID="1521"/></MasterNamePartGroup></NamePartGroups>
      </Identity>
      <Feature ID="1" FeatureTypeID="8"><FeatureVersion ID="1"><DatePeriod>
        <Start Approximate="false"><From><Year>1962</Year><Month>3</Month><Day>5</Day></From></Start>
        <End Approximate="false"><To><Year>1962</Year><Month>3</Month><Day>5</Day></To></End>
      </DatePeriod></FeatureVersion></Feature>
      <Feature ID="2" FeatureTypeID="10"><FeatureVersion ID="2"><VersionLocation LocationID="25"/></FeatureVersion></Feature>
      <Feature ID="3" FeatureTypeID="224"><FeatureVersion ID="3"><VersionDetail DetailTypeID="1431" DetailReferenceID="91526"/></FeatureVersion></Feature>
      <Feature ID="4" FeatureTypeID="344"><FeatureVersion ID="4"><VersionDetail DetailTypeID="1432">1BoatSLRHtKNngkdXEeobR76b53LETtpyT</VersionDetail></FeatureVersion></Feature>
    </Profile></DistinctParty>
  </DistinctParties>
  <SanctionsEntries><SanctionsEntry ID="1" ProfileID="9002" ListID="1550">
    <SanctionsMeasure ID="1" SanctionsTypeID="1"><Comment>SDNTK</Comment></SanctionsMeasure>
  </SanctionsEntry></SanctionsEntries>
</Sanctions>
"""

UN_XML = """<?xml version="1.0" encoding="UTF-8"?>
<CONSOLIDATED_LIST dateGenerated="2026-10-01T00:00:09.554Z">
  <INDIVIDUALS><INDIVIDUAL><DATAID>1</DATAID><FIRST_NAME>TOMAS</FIRST_NAME>
    <SECOND_NAME>AURELIO</SECOND_NAME><THIRD_NAME>QUILLBERRY</THIRD_NAME>
    <UN_LIST_TYPE>Invented</UN_LIST_TYPE><REFERENCE_NUMBER>ZZi.001</REFERENCE_NUMBER>
    <NAME_ORIGINAL_SCRIPT>توماس كويلبري</NAME_ORIGINAL_SCRIPT><GENDER>Male</GENDER>
    <NATIONALITY><VALUE>Iran (Islamic Republic of)</VALUE></NATIONALITY>
    <INDIVIDUAL_ALIAS><QUALITY>Low</QUALITY><ALIAS_NAME>Quill</ALIAS_NAME></INDIVIDUAL_ALIAS>
    <INDIVIDUAL_ALIAS><QUALITY>Good</QUALITY><ALIAS_NAME>Tom Kvilberi</ALIAS_NAME></INDIVIDUAL_ALIAS>
    <INDIVIDUAL_ALIAS><QUALITY/><ALIAS_NAME/></INDIVIDUAL_ALIAS>
    <INDIVIDUAL_ADDRESS><COUNTRY>Democratic Republic of the Congo</COUNTRY></INDIVIDUAL_ADDRESS>
    <INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>BETWEEN</TYPE_OF_DATE><FROM_YEAR>1960</FROM_YEAR>
      <TO_YEAR>1962</TO_YEAR></INDIVIDUAL_DATE_OF_BIRTH>
    <INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>APPROXIMATELY</TYPE_OF_DATE><YEAR>1965</YEAR>
    </INDIVIDUAL_DATE_OF_BIRTH>
    <INDIVIDUAL_DOCUMENT><TYPE_OF_DOCUMENT>Passport</TYPE_OF_DOCUMENT><NUMBER>X1</NUMBER>
    </INDIVIDUAL_DOCUMENT></INDIVIDUAL></INDIVIDUALS>
  <ENTITIES><ENTITY><DATAID>2</DATAID><FIRST_NAME>BLUE HERON FRONT</FIRST_NAME>
    <UN_LIST_TYPE>Invented</UN_LIST_TYPE><REFERENCE_NUMBER>ZZe.001</REFERENCE_NUMBER>
    <ENTITY_ALIAS><QUALITY>a.k.a.</QUALITY><ALIAS_NAME>BHF</ALIAS_NAME></ENTITY_ALIAS>
    <ENTITY_ADDRESS><COUNTRY>Mali</COUNTRY></ENTITY_ADDRESS></ENTITY></ENTITIES>
</CONSOLIDATED_LIST>
""".encode()

EU_XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<export xmlns="http://eu.europa.ec/fpi/fsd/export" generationDate="2026-10-02T12:00:00.000+02:00">
  <sanctionEntity euReferenceNumber="EU.1.1" logicalId="13"><remark>An invented one</remark>
    <regulation programme="IRQ"/><subjectType code="person" classificationCode="P"/>
    <nameAlias firstName="Tomas" middleName="" lastName="Quillberry" wholeName="Tomas Quillberry"
      gender="M" strong="true" function="Treasurer"/>
    <nameAlias wholeName="Quill" strong="false" gender=""/>
    <citizenship countryIso2Code="IQ"/>
    <birthdate circa="true" birthdate="" year="1962" monthOfYear="" dayOfMonth=""/>
    <identification identificationTypeCode="passport" number="X1234567"/></sanctionEntity>
  <sanctionEntity logicalId="14"><subjectType code="enterprise"/>
    <nameAlias wholeName="Blue Heron GmbH" strong="true"/><address countryIso2Code="DE"/>
  </sanctionEntity>
</export>
"""

EU_CSV = (
    "\ufefffileGenerationDate;Entity_LogicalId;Entity_SubjectType;Entity_Regulation_Programme;"
    "NameAlias_WholeName;NameAlias_Gender;BirthDate_BirthDate;BirthDate_Year;BirthDate_Circa;"
    "Citizenship_CountryIso2Code;Identification_Number;Identification_TypeCode;Not_Known_Here\n"
    "02/10/2026;13;P;IRQ;Tomas Quillberry;M;;;;;;;x\n"
    "02/10/2026;13;P;IRQ;;;1962-03-05;1962;false;;;;x\n"
    "02/10/2026;13;P;IRQ;;;;;;IQ;X1234567;passport;x\n"
    "02/10/2026;14;E;RUS;Blue Heron GmbH;;;;;;;;x\n"
).encode()

UK_CSV = (
    "Report Date: 12-Oct-2026\n"
    "Last Updated,Unique ID,Name 6,Name 1,Name 2,Name type,Alias strength,Name non-latin script,"
    "Regime Name,Designation Type,Address Country,D.O.B,Nationality(/ies),Passport number,Gender\n"
    "01/10/2026,ZZZ0001,QUILLBERRY,Tomas,Aurelio,Primary Name,,,Invented,Individual,Cuba,"
    "dd/mm/1962,(1) Cuba (2) Russia,X1234567,Male\n"
    "01/10/2026,ZZZ0001,QUILL,,,Alias,Low quality a.k.a,,Invented,Individual,,05/03/1962,,,\n"
    '01/10/2026,ZZZ0002,"HERON, STAR",,,Primary Name,,,Invented,Ship,,,,,\n'
).encode()

UK_CONLIST = (
    "Last Updated,12/10/2026\n"
    "Name 6,Name 1,Name Non-Latin Script,DOB,Nationality,Country,Group Type,Alias Type,"
    "Alias Quality,Regime,Group ID\n"
    "QUILLBERRY,Tomas,,00/00/1962,Cuba,Panama,Individual,Primary name,,Invented,777\n"
    "KVILBERI,Tom,,,,,Individual,AKA,Good,Invented,777\n"
).encode()

UK_XML = b"""<?xml version="1.0" encoding="utf-8"?>
<Designations><DateGenerated>12/10/2026</DateGenerated>
  <Designation><UniqueID>ZZZ0001</UniqueID><Names>
      <Name><Name1>Tomas</Name1><Name6>QUILLBERRY</Name6><NameType>Primary Name</NameType></Name>
      <Name><Name6>QUILL</Name6><NameType>Alias</NameType>
        <AliasStrength>Low quality a.k.a</AliasStrength></Name></Names>
    <RegimeName>Invented</RegimeName><IndividualEntityShip>Individual</IndividualEntityShip>
    <Addresses><Address><AddressCountry>Cuba</AddressCountry></Address></Addresses>
    <IndividualDetails><Individual><DOBs><DOB>05/03/1962</DOB></DOBs>
      <Nationalities><Nationality>Russia</Nationality></Nationalities>
      <Genders><Gender>Male</Gender></Genders></Individual></IndividualDetails></Designation>
</Designations>
"""

FTM = (
    '{"id":"Q1","caption":"Tomas Quillberry","schema":"Person","target":true,"datasets":["xx_list"],'
    '"properties":{"name":["T. Quillberry","Tomas Quillberry"],"alias":["Tom Q"],'
    '"weakAlias":["Quill"],"birthDate":["1962-03-05"],"nationality":["cu"],"gender":["male"],'
    '"topics":["sanction"],"passportNumber":["X1234567"],"addressEntity":[{"id":"a","schema":'
    '"Address","properties":{"country":["ru"]}}],"sanctions":[{"id":"s","schema":"Sanction",'
    '"properties":{"program":["Invented"]}}]}}\n'
    '{"id":"own-1","schema":"Ownership","target":false,"properties":{"role":["x"]}}\n'
    '{"id":"W1","caption":"1Boat","schema":"CryptoWallet","target":true,"datasets":[],'
    '"properties":{"publicKey":["1BoatSLRHtKNngkdXEeobR76b53LETtpyT"],"topics":["sanction"]}}\n'
).encode()

SIMPLE = (
    b'"id","schema","name","aliases","birth_date","countries","sanctions","dataset"\n'
    b'"NK-1","Person","Tomas Quillberry","Tom Q;Quill","1962-03-05","cu;ru","Invented","XX"\n'
    b'"NK-2","Organization","Blue Heron, Ltd","","","gb","",""\n'
)

OWN = (
    "Name;Aliases;Date of birth;Nationality;Type;Colour\n"
    "Tomas Quillberry;Tom Q|Quill;c. 1962;Côte d'Ivoire;person;red\n"
    "Blue Heron;;;;company;blue\n"
).encode()

YML = b"""EU-Sanctions:
  content:
  - citizen:
    - iq
    dob_epoch:
    - -247017600
    names:
    - Tomas Quillberry
    - Quill
  - names:
    - 'Blue Heron: Trading'
  updated: 1614297600
HMT-Sanctions:
  content:
  - dob_year:
    - '1962'
    names:
    - Tom Kvilberi
    residence:
    - cn
  updated: 1614297601
"""

STRICT = {
    "ofac_advanced": OFAC_ADVANCED, "ofac_xml": OFAC_XML, "un": UN_XML, "eu_xml": EU_XML,
    "uk_xml": UK_XML,
}  # fmt: skip
"""Formats whose end can be seen."""

BY_LINE = {
    "eu_csv": EU_CSV, "uk_csv": UK_CSV, "uk_conlist": UK_CONLIST, "ftm": FTM, "simple": SIMPLE,
    "own": OWN, "yml": YML,
}  # fmt: skip
"""Formats that could end after any record."""
